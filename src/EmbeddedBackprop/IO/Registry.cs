using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.IO;

/// <summary>
/// Activations, losses, optimisers, initialisers and schedules by the names they have in model files and on the command line: one row each, in the
/// order in which help and messages list them; and those of a program's own, which it registers before it opens a file that names them. Registering
/// and asking may be done by any thread, and nothing runs by reflection. Only a program that calls a method of this class carries everything that the
/// method knows; a network built in code carries only the types it uses.
/// </summary>
public static partial class Registry
{
    /// <summary>The names of the library's activations, in the order of help.</summary>
    public static IReadOnlyList<string> ActivationNames => Activations.Table.Names;

    /// <summary>The names of the library's losses, in the order of help.</summary>
    public static IReadOnlyList<string> LossNames => Losses.Table.Names;

    /// <summary>The names of the library's optimisers, in the order of help.</summary>
    public static IReadOnlyList<string> OptimizerNames => Optimizers.Table.Names;

    /// <summary>The names of the library's initialisers, in the order of help.</summary>
    public static IReadOnlyList<string> InitializerNames => Initializers.Table.Names;

    /// <summary>The names of the library's schedules, in the order of help.</summary>
    public static IReadOnlyList<string> ScheduleNames => Schedules.Table.Names;

    /// <summary>The activation of this name.</summary>
    /// <exception cref="ArgumentException">There is none; the message lists the known names.</exception>
    public static Activation Activation(string name) => Activations.Table.Make(name, null);

    /// <summary>The loss of this name.</summary>
    /// <param name="name">One of <see cref="LossNames"/>, or a registered one.</param>
    /// <param name="settings">Differences from the loss's defaults; null for nothing.</param>
    /// <exception cref="ArgumentException">There is none, or a setting lies out of its range; the message names the expected values.</exception>
    public static Loss Loss(string name, LossSettings? settings = null) => Losses.Table.Make(name, settings ?? new LossSettings());

    /// <summary>An optimiser by name.</summary>
    /// <param name="name">One of <see cref="OptimizerNames"/>, or a registered one.</param>
    /// <param name="settings">Differences from the optimiser's defaults; null for nothing.</param>
    /// <exception cref="ArgumentException">The name is unknown, or a setting lies out of its range; the message names the expected
    /// values.</exception>
    public static Optimizer Optimizer(string name, OptimizerSettings? settings = null) =>
        Optimizers.Table.Make(name, settings ?? new OptimizerSettings());

    /// <summary>An initialiser by name.</summary>
    /// <param name="name">One of <see cref="InitializerNames"/>, or a registered one.</param>
    /// <param name="settings">Differences from the initialiser's defaults; null for nothing.</param>
    /// <exception cref="ArgumentException">The name is unknown, or a setting lies out of its range; the message names the expected
    /// values.</exception>
    public static Initializer Initializer(string name, InitializerSettings? settings = null) =>
        Initializers.Table.Make(name, settings ?? new InitializerSettings());

    /// <summary>A learning-rate schedule by name.</summary>
    /// <param name="name">One of <see cref="ScheduleNames"/>, or a registered one.</param>
    /// <param name="settings">Differences from the schedule's defaults; null for nothing.</param>
    /// <exception cref="ArgumentException">The name is unknown, or a setting lies out of its range; the message names the expected
    /// values.</exception>
    public static Schedule Schedule(string name, ScheduleSettings? settings = null) => Schedules.Table.Make(name, settings ?? new ScheduleSettings());

    // A class for each table: its first use makes it, so that a program that asks for activations carries no optimisers.
    private static class Activations
    {
        public static readonly NameTable<object?, Activation> Table = new(
            "activation",
            Row<Identity>(),
            Row<Sigmoid>(),
            Row<Tanh>(),
            Row<LeCunTanh>(),
            Row<Relu>(),
            Row<LeakyRelu>(),
            Row<Relu6>(),
            Row<Elu>(),
            Row<Selu>(),
            Row<Gelu>(),
            Row<Softplus>(),
            Row<Softsign>(),
            Row<Silu>(),
            Row<Mish>(),
            Row<HardSigmoid>(),
            Row<HardSwish>(),
            new(new Softmax().Name, _ => new Softmax()));

        private static NameRow<object?, Activation> Row<TFunction>() where TFunction : struct, IActivationFunction =>
            new(TFunction.Name, _ => new Activation<TFunction>());
    }

    private static class Losses
    {
        public static readonly NameTable<LossSettings, Loss> Table = new(
            "loss",
            Row<Quadratic>(),
            Row<MeanSquared>(),
            Row<MeanAbsolute>(),
            Row<Huber>(),
            Row<BinaryCrossEntropy>(),
            Row<BinaryCrossEntropyWithLogits>(),
            new(new SoftmaxCrossEntropy().Kind, s => new SoftmaxCrossEntropy
            {
                LabelSmoothing = s.LabelSmoothing ?? 0f, ClassWeights = s.ClassWeights, Weight = s.Weight ?? 1f,
            }));

        public static NameRow<LossSettings, Loss> Row<TFunction>()
            where TFunction : struct, ILossFunction =>
            new(
                TFunction.Name,
                s => new Loss<TFunction>
                {
                    LabelSmoothing = s.LabelSmoothing ?? 0f,
                    ClassWeights = s.ClassWeights,
                    Weight = s.Weight ?? 1f,
                });
    }

    // d is the optimiser with its defaults, s the given settings.
    private static class Optimizers
    {
        public static readonly NameTable<OptimizerSettings, Optimizer> Table = new(
            "optimizer",
            Row(new Sgd(), (d, s) => new()),
            Row(new Momentum(), (d, s) => new() { Coefficient = s.Momentum ?? d.Coefficient }),
            Row(new Nesterov(), (d, s) => new() { Coefficient = s.Momentum ?? d.Coefficient }),
            Row(new Adagrad(), (d, s) => new() { Epsilon = s.Epsilon ?? d.Epsilon }),
            Row(new RmsProp(), (d, s) => new() { Alpha = s.Alpha ?? d.Alpha, Epsilon = s.Epsilon ?? d.Epsilon }),
            Row(new Adam(), (d, s) => new() { Beta1 = s.Beta1 ?? d.Beta1, Beta2 = s.Beta2 ?? d.Beta2, Epsilon = s.Epsilon ?? d.Epsilon }),
            Row(new AdamW(), (d, s) => new() { Beta1 = s.Beta1 ?? d.Beta1, Beta2 = s.Beta2 ?? d.Beta2, Epsilon = s.Epsilon ?? d.Epsilon }),
            Row(new Rprop(), (d, s) => new()
            {
                Decrease = s.Decrease ?? d.Decrease,
                Increase = s.Increase ?? d.Increase,
                SmallestStep = s.SmallestStep ?? d.SmallestStep,
                LargestStep = s.LargestStep ?? d.LargestStep,
            }));

        private static NameRow<OptimizerSettings, Optimizer> Row<T>(T defaults, Func<T, OptimizerSettings, T> make) where T : Optimizer =>
            new(defaults.Name, settings => make(defaults, settings));
    }

    private static class Initializers
    {
        public static readonly NameTable<InitializerSettings, Initializer> Table = new(
            "initializer",
            Row(new Normal(), (d, s) => new()),
            Row(new ScaledNormal(), (d, s) => new()),
            Row(new LeCun(), (d, s) => new()),
            Row(new Glorot(), (d, s) => new()),
            Row(new He(), (d, s) => new()),
            Row(new Orthogonal(), (d, s) => new() { Gain = s.Gain ?? d.Gain }),
            Row(new Zeros(), (d, s) => new()));

        private static NameRow<InitializerSettings, Initializer> Row<T>(T defaults, Func<T, InitializerSettings, T> make) where T : Initializer =>
            new(defaults.Name, settings => make(defaults, settings));
    }

    private static class Schedules
    {
        public static readonly NameTable<ScheduleSettings, Schedule> Table = new(
            "schedule",
            Row(new Constant(), (d, s) => new()),
            Row(new StepDecay(), (d, s) => new() { Every = s.Every ?? d.Every, Factor = s.Factor ?? d.Factor }),
            Row(new Exponential(), (d, s) => new() { Factor = s.Factor ?? d.Factor }),
            Row(new Cosine(), (d, s) => new() { Floor = s.Floor ?? d.Floor }),
            Row(new Plateau(), (d, s) => new() { Epochs = s.Every ?? d.Epochs, Factor = s.Factor ?? d.Factor, Floor = s.Floor ?? d.Floor }),
            Row(new WarmUp(), (d, s) => new() { Steps = s.WarmUpSteps ?? d.Steps, Then = AfterWarmUp(d.Name, s) ?? d.Then }));

        private static NameRow<ScheduleSettings, Schedule> Row<T>(T defaults, Func<T, ScheduleSettings, T> make) where T : Schedule =>
            new(defaults.Name, settings => make(defaults, settings));

        // A rise of a rise has no meaning that settings could express.
        private static Schedule? AfterWarmUp(string warmUp, ScheduleSettings settings) =>
            settings.Then switch
            {
                null => null,
                string then when then == warmUp => throw NameTable.Unknown(
                    "schedule after the warm-up",
                    warmUp,
                    Table.Names.Where(name => name != warmUp)),
                string then => Table.Make(then, settings),
            };
    }
}
