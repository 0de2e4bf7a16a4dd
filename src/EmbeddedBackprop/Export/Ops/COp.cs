using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>The C of one kind of op.</summary>
internal abstract class COp
{
    /// <summary>Writes a step: asks the program for routines and adds statements.</summary>
    public abstract void Write(CStep step, CProgram program);

    /// <summary>
    /// Writes the step as NAME_forward runs it, for a training step and for NAME_loss alike: with the values that the backward pass reads
    /// later (<see cref="CStep.Saved"/>); the C variable <c>training</c> guards statements that differ in training. By default that is the
    /// C of a prediction.
    /// </summary>
    public virtual void WriteTraining(CStep step, CProgram program) => Write(step, program);

    /// <summary>
    /// Writes the backward pass of a step: the gradients of the inputs that are wanted, and those of the parameters, each ended by
    /// <see cref="CTensor.GradientSum"/>. Inputs
    /// come first, because weights may change at once. By default the op is refused by name.
    /// </summary>
    /// <exception cref="NotSupportedException">The op has no C for it.</exception>
    public virtual void WriteBackward(CBackwardStep step, CProgram program) => ExportErrors.NoBackward(step.Step.Name, step.Step.Op.Kind);

    /// <summary>
    /// Whether the op's C takes all samples of a call at once, because its sums cross samples (batch normalisation, recurrent layers, losses);
    /// otherwise the frame writes a loop over the samples around the step where there are several.
    /// </summary>
    public virtual bool TakesBatch(Op op) => false;

    /// <summary>
    /// Whether each sum of a parameter's gradient is finished by itself, so that it may change the weight at once; where it is not (rows that are
    /// added to in any order), the op's parameters get gradient memory also where others need none.
    /// </summary>
    public virtual bool CanUpdateAtOnce(Op op) => true;

    /// <summary>Whether the C needs the scratch that the plan reserves.</summary>
    public virtual bool UsesScratch => false;

    /// <summary>Whether the C takes and gives integers as well as floats, or integers alone.</summary>
    public virtual bool TakesIntegers => false;

    /// <summary>
    /// The tables that the C reads in place of the parameters and the state of an op on integers; null for an op whose parameters are the tables.
    /// </summary>
    public virtual CTable[]? MakeTables(CTableSource source) => null;

    /// <summary>Tables that follow from the op's settings and sizes alone; they come after its parameters and its kept state.</summary>
    public virtual CConstant[] Constants(Op op) => [];

    /// <summary>The type of the scratch of an op on integers; null for that of its input.</summary>
    public virtual CElement? ScratchElement(Op op) => null;

    /// <summary>The table of state that an op keeps without training it, where C needs another one than the engine.</summary>
    /// <param name="op">The op.</param>
    /// <param name="index">Which of the op's kept tensors.</param>
    /// <param name="name">The tensor's name.</param>
    /// <param name="values">Its elements.</param>
    public virtual (string Name, float[] Values) KeptTable(Op op, int index, string name, float[] values) => (name, values);

    /// <summary>
    /// The output that each element of a table belongs to, for tables of weights that may be stored as float16 or int8; null for tables
    /// that stay float32: biases, factors, all elements read once for many multiply-adds.
    /// </summary>
    /// <param name="op">The op.</param>
    /// <param name="index">Which of the op's parameters.</param>
    public virtual CScaleAxis? WeightAxis(Op op, int index) => null;
}
