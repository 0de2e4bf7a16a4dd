using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Export.Files;

/// <summary>The part of NAME.h for a network that can be trained.</summary>
internal static class CTrainingHeader
{
    public static string Memory(CModel model, CTraining training)
    {
        string m = model.Macro;
        return $$"""

            /* A training step: {{m}}_BATCH samples a call, an update at every call number {{m}}_ACCUMULATE. */
            #define {{m}}_BATCH {{CText.Number(training.Batch)}}
            #define {{m}}_ACCUMULATE {{CText.Number(training.Options.Accumulate)}}
            #define {{m}}_LEARNING_RATE {{CText.Decimal(training.Options.LearningRate)}}{{(
                training.Options.LearningRate == 0f ? " /* nothing is learnt until the program sets model.learning_rate */" : ""
            )}}
            {{string.Concat(model.Arguments.Targets.Select(target => $"#define {m}_TARGETS{target.MacroSuffix} {CText.Number(target.Length)}\n"))}}
            {{Epochs(m, training.Options)}}/* The caller's memory, in floats: parameters, their gradients{{(
                training.GradientLength < training.ParameterLength ? " (where they are not applied at once)" : ""
            )}}, the optimiser's state, what layers keep, room to work in. */
            #define {{m}}_TRAIN_PARAMETERS {{CText.Number(training.ParameterLength)}}
            #define {{m}}_TRAIN_GRADIENTS {{CText.Number(training.GradientLength)}}
            #define {{m}}_TRAIN_OPTIMIZER {{CText.Number(training.OptimizerLength)}}
            #define {{m}}_TRAIN_STATE {{CText.Number(training.StateLength)}}
            #define {{m}}_TRAIN_WORKSPACE {{CText.Number(training.WorkspaceLength)}}
            #define {{m}}_TRAIN_FLOATS {{CText.Number(training.Length)}}
            #define {{m}}_TRAIN_BYTES {{CText.Number(sizeof(float) * (long)training.Length)}}

            /* What the self-test takes. */
            #define {{m}}_SELFTEST_FLOATS {{CText.Number(model.SelfTestFloats)}}
            """;
    }

    private static string Epochs(string m, CTrainingOptions options) =>
        !CTrainingOptions.CountsEpochs(options.Schedule)
            ? ""
            : $$"""
        /* What the schedule of the learning rate takes for an epoch, in updates, and for the whole training; with other numbers the self-test fails. */
        #ifndef {{m}}_STEPS_PER_EPOCH
        #define {{m}}_STEPS_PER_EPOCH {{CText.Number(options.StepsPerEpoch)}}
        #endif
        #ifndef {{m}}_EPOCHS
        #define {{m}}_EPOCHS {{CText.Number(options.Epochs)}}
        #endif
        #if {{m}}_STEPS_PER_EPOCH < 1 || {{m}}_STEPS_PER_EPOCH > {{CText.Number(CSchedule.MostStepsPerEpoch)}} || {{m}}_EPOCHS < 1
        #error "updates of an epoch and epochs have to be positive"
        #endif


        """;

    public static string Functions(CModel model, CTraining training)
    {
        string p = model.Prefix, m = model.Macro;
        string values = string.Join(", ", model.Arguments.Training.Select(argument => "const float *" + argument.Pointer));
        string rows = string.Join(
            ", ",
            model.Arguments.Training.Select(argument =>
                $"{argument.Pointer}[{(training.Batch > 1 ? m + "_BATCH][" : "")}{m}_{(model.Arguments.TrainingInputs.Contains(argument) ? "INPUTS" : "TARGETS")}{argument.MacroSuffix}]"
            ));
        return $$"""
            /*
             * A network that learns: the caller's memory and what a training step counts. All functions of a model work in its memory, {{p}}_predict and {{p}}_loss too: one call at a
             * time for each model. Models with memory of their own are independent. All pointers need the alignment of a float, no more.
             */
            typedef struct {
                float *memory;       /* {{m}}_TRAIN_FLOATS floats */
                float learning_rate; /* {{(training.Options.Schedule is Constant ? "" : "before the schedule; ")}}may be changed at any time */
                uint32_t step;       /* updates so far */
                uint32_t collected;  /* calls since the last one */
                uint64_t seed;       /* of everything random */
            } {{p}}_model;

            /* Begins: {{(training.Options.Initializer is { } first ? $"draws the weights ({CText.Comment(first.Name)}, with the engine's bits)" : "copies the weights from the tables")}} into the memory and sets everything else to where training starts. */
            void {{p}}_start({{p}}_model *model, float *memory);
            {{CTrainingReset.Declaration(model)}}
            /*
             * One training step: forward, backward{{(
                training.Options.Accumulate > 1 ? $", and at every call number {m}_ACCUMULATE an update by the gradients of all of them" : ", update"
            )}}. Reads {{rows}}, and leaves them as they are.
             * Returns the loss of these samples before the update. {{(
                training.GradientLength == training.ParameterLength
                    ? "An update with a gradient that is not finite is left out."
                    : "A loss that is not finite says that the weights are lost."
            )}}
             */
            float {{p}}_train_step({{p}}_model *model, {{values}});

            /* The loss of the same samples without learning from them, as a prediction gives it. */
            float {{p}}_loss(const {{p}}_model *model, {{values}});

            /* Predicts one sample with the weights as they are. */
            void {{p}}_predict({{model.PredictParameters}});

            /*
             * CRC-32 of the trained parameters' bits, tensor by tensor in the order of the memory, the low byte of each float first. Define {{m}}_CRC32(crc, word) for
             * all files to have a processor's unit or ROM compute it: it continues a CRC-32 (polynomial 0xEDB88320, not inverted) by a word, the low byte first.
             */
            uint32_t {{p}}_checksum(const {{p}}_model *model);

            {{CSaveFile.Header(model).TrimEnd()}}

            {{CHeaderFile.CheckTables(p, m)}}
            /*
             * Checks the rounding, the tables and the golden predictions, and trains a little on drawn samples ({{p}}_selftest.c). Returns {{m}}_SELFTEST_ bits, 0 if all is
             * right. memory: {{m}}_SELFTEST_FLOATS floats, which are lost.
             */
            uint32_t {{p}}_selftest(float *memory);
            """;
    }
}
