using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Graphs;

/// <summary>The values that an op's backward pass reads, so that the planner can free the rest early.</summary>
[Flags]
public enum BackwardReads
{
    /// <summary>Neither inputs nor outputs.</summary>
    Nothing = 0,

    /// <summary>The inputs of the forward pass.</summary>
    Inputs = 1,

    /// <summary>The outputs of the forward pass.</summary>
    Outputs = 2,
}

/// <summary>
/// One kind of computation with its gradient. An op knows sizes only and owns no memory; the object is the identity of its weights.
/// </summary>
/// <remarks>
/// Forward and Backward are the SIMD kernels. ForwardScalar and BackwardScalar are the definition: textbook loops, whose float form gives the same
/// bits and whose double form is the oracle of the gradient check.
/// </remarks>
public abstract class Op
{
    /// <summary>The field's word in lower case: dense, softmax_cross_entropy.</summary>
    public abstract string Kind { get; }

    /// <summary>The name that the graph gave the op at its first use.</summary>
    public string Name { get; internal set; } = "";

    /// <summary>The graph that the op was applied in: its sizes and its name are those it has there.</summary>
    internal Graph? Graph { get; set; }

    /// <summary>The values that the backward pass reads.</summary>
    public virtual BackwardReads BackwardReads => BackwardReads.Inputs | BackwardReads.Outputs;

    /// <summary>The activation's or the loss's name, shown with the kind in tables.</summary>
    public virtual string Detail => "";

    /// <summary>
    /// Whether a sample's result in training depends on the other samples of the batch (batch normalisation): then the batch is never split into
    /// parts.
    /// </summary>
    public virtual bool DependsOnWholeBatch => false;

    /// <summary>
    /// Whether micro-batches give the gradient of the whole batch up to rounding only, and not bit for bit: so where a weight's chain runs over time
    /// outside and over the samples inside.
    /// </summary>
    public virtual bool SplitsToRounding => false;

    /// <summary>
    /// Whether the output may share the memory of this input where nothing else reads it. True for an op that reads element i before it
    /// writes element i, and never later.
    /// </summary>
    public virtual bool MayOverlay(int input) => false;

    /// <summary>
    /// Whether the gradient of this input may share the memory of the output's gradient, which nothing else reads. True for an op that
    /// reads element i of the one before it writes element i of the other, and never later (not for any other input either).
    /// </summary>
    public virtual bool MayOverlayGradient(int input) => false;

    /// <summary>
    /// Whether in exported C a smaller output may lie at the beginning of this input's memory where nothing else reads it. True for an op whose C
    /// computes its outputs in their order, and never reads an element at or before the position of an earlier output.
    /// </summary>
    internal virtual bool MayOverlayBeginning(int input) => false;

    /// <summary>
    /// For an op that only moves elements: the position in the output of this input's first element, negative where the output begins inside the
    /// input; null for an op that computes. A plan may then let both be the same memory.
    /// </summary>
    /// <param name="inputs">All inputs.</param>
    /// <param name="input">The index of one.</param>
    /// <param name="training">Whether a training step is planned.</param>
    internal virtual int? PlaceOf(ReadOnlySpan<Node> inputs, int input, bool training) => null;

    /// <summary>
    /// An op that does the work of this one and of the next, which alone reads this one's output, with this op's weights and the bits of both; null
    /// where there is none. It is called on an op that is applied already, so its sizes are known.
    /// </summary>
    public virtual Op? TryFuse(Op next) => null;

    /// <summary>
    /// Whether exported C may run <paramref name="next"/>, which alone reads the output of <paramref name="last"/>, in the loops of this op, with the
    /// same bits: they are one step of the exported plan, a block.
    /// </summary>
    /// <param name="last">The last op of the block that this op begins: this op itself, or one that joined it.</param>
    /// <param name="next">The op that reads its output.</param>
    internal virtual bool JoinsBlock(Op last, Op next) => false;

    /// <summary>
    /// How many of the steps that come next a prediction's forward pass does along, before it stores its results (a normalisation and a rectifier
    /// after a convolution): they read and write the memory that this op writes, so nothing else sees the values in between.
    /// </summary>
    /// <param name="step">The op's step.</param>
    /// <param name="next">The steps after it in the program.</param>
    internal virtual int CountDoneAlong(Step step, ReadOnlySpan<Step> next) => 0;

    /// <summary>
    /// Whether the backward pass of <paramref name="next"/>, which alone reads this op's output, multiplies by the derivative of this op's activation
    /// while it writes the output's gradient (a maximum of positive values after a rectifier): then this op's pass does not.
    /// </summary>
    internal virtual bool IsDerivedBy(Op next) => false;

    /// <summary>
    /// An op that does this op's work on the input of the previous one, where the two together are defined so (a cross-entropy after a
    /// softmax); null where there is none.
    /// </summary>
    internal virtual Op? JoinedWith(Op previous) => null;

    /// <summary>
    /// Whether the op only moves or selects elements: then it does the same to integers, whose scale and zero point stay.
    /// </summary>
    internal virtual bool KeepsIntegers => false;

    /// <summary>The op that computes on integers what this one computes on floats; null where there is none, and this one stays.</summary>
    internal virtual Op? Quantized(in QuantizeContext c) => KeepsIntegers ? Unbound() : null;

    /// <summary>The fewest bits that the output of the integer form can have.</summary>
    internal virtual int LeastIntegerBits => 8;

    /// <summary>What the output's integers share with others; null for a float output.</summary>
    /// <exception cref="ArgumentException">The op reads integers as if they were floats, or joins integers of different scales.</exception>
    internal virtual IntegerValue? IntegersOf(string name, ReadOnlySpan<Node> inputs)
    {
        IntegerValue? shared = inputs.Length == 0 ? null : inputs[0].Integers;
        for (int i = 0; i < inputs.Length; i++)
        {
            // A mask is floats, whatever it masks.
            if (IsData(i) ? inputs[i].Integers != shared : i > 0 && inputs[i].Integers is not null)
            {
                GraphErrors.IntegersDiffer(name, inputs[0].Name, inputs[i].Name);
            }
        }

        if (shared is not null && !KeepsIntegers)
        {
            GraphErrors.ReadsIntegers(name, Kind, inputs[0].Name);
        }

        return shared;
    }

    /// <summary>Whether <see cref="FollowParameters"/> does anything.</summary>
    internal virtual bool FollowsParameters => false;

    /// <summary>Sets the state that follows the parameters, after an update: scales of integer weights, ranges of integers.</summary>
    /// <param name="c">The step's context.</param>
    /// <param name="keepRanges">Whether ranges stay as they are.</param>
    internal virtual void FollowParameters(in OpContext<float> c, bool keepRanges)
    {
    }

    /// <summary>How the op works along time, so that a stream can feed it the newest rows alone.</summary>
    /// <param name="inputs">All inputs, which have the same time.</param>
    /// <param name="axis">Their axis of time.</param>
    internal virtual TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) => TimeRule.Refused("looks at several steps of time at once");

    /// <summary>The same op for another graph, with weights of its own.</summary>
    internal Op Unbound()
    {
        Op copy = (Op)MemberwiseClone();
        copy.Graph = null;
        copy.Name = "";
        return copy;
    }

    /// <summary>The activation, if the op is nothing else: a layer may take it over.</summary>
    public virtual Activation? AsActivation => null;

    /// <summary>Whether the op has a gradient for this input: not so for indices, masks and targets.</summary>
    public virtual bool HasGradient(int input) => true;

    /// <summary>Whether this input is what the op computes on, and no mask, indices or targets: integers where the op computes on integers.</summary>
    internal virtual bool IsData(int input) => HasGradient(input);

    /// <summary>The name of the activation that the op ends in, as files and a net's text write it; null for an op that has none.</summary>
    public virtual string? ActivationName => null;

    /// <summary>Sizes and options as a net's text writes them after the kind, as in <c>8 5x5 s2</c>; empty if there are none.</summary>
    public virtual string Settings => "";

    /// <summary>Whether the op is a loss: the end of a training plan, holding 16 partial sums instead of a value per sample.</summary>
    internal virtual bool IsLoss => false;

    /// <summary>A loss's value times its weight, from its 16 partial sums. Only losses have one.</summary>
    internal virtual float WeightedLoss(Span<float> parts, int logicalBatch) => throw new InvalidOperationException($"{Name} is no loss");

    /// <summary>The same in double.</summary>
    internal virtual double WeightedLoss(Span<double> parts, int logicalBatch) => throw new InvalidOperationException($"{Name} is no loss");

    /// <summary>The output's shape for the given inputs; binds the op to their sizes at its first use.</summary>
    /// <exception cref="ArgumentException">A shape does not fit; the message names the op and both sizes.</exception>
    public abstract Shape InferShape(string name, ReadOnlySpan<Node> inputs);

    /// <summary>Lists the op's parameters in order; offsets count from the op's first parameter.</summary>
    public virtual void DescribeParameters(ParameterLayout layout)
    {
    }

    /// <summary>Lists what the op keeps from step to step without training it; <see cref="OpContext{T}.State"/> gives the i-th range.</summary>
    public virtual void DescribeState(StateLayout layout)
    {
    }

    /// <summary>Floats kept from the forward to the backward pass; an inference plan gives none, and an op then works in its output.</summary>
    public virtual int SavedLength(int batch, Layout layout) => 0;

    /// <summary>Floats that die with the step.</summary>
    public virtual int ScratchLength(int batch, Layout layout) => 0;

    /// <summary>
    /// Floats that a pass makes from parameters and state alone, at the beginning of the scratch memory. A prediction's plan gives them memory of
    /// their own (<see cref="OpContext{T}.Made"/>), so that runs with the same parameters and state make them once. An op that makes them elsewhere
    /// in training asks for no scratch memory (<see cref="OpContext{T}.Kept"/>).
    /// </summary>
    internal virtual int MadeLength(Layout layout) => 0;

    /// <summary>
    /// Floats that die with the step of a prediction in exported C: as many as here, unless the C has a table where the engine computes.
    /// </summary>
    public virtual int ExportScratchLength(Layout layout) => ScratchLength(1, layout);

    /// <summary>Floats that die with the step's backward pass: as many as in the forward pass, unless an op says otherwise.</summary>
    public virtual int BackwardScratchLength(int batch, Layout layout) => ScratchLength(batch, layout);

    /// <summary>
    /// Floats that die with a pass of the step in exported C that trains: as many as in the engine, unless the C does without the copies
    /// that serve vectors.
    /// </summary>
    internal virtual int ExportTrainingScratchLength(int batch, bool backward) =>
        backward ? BackwardScratchLength(batch, Layout.Compact) : ScratchLength(batch, Layout.Compact);

    /// <summary>
    /// Floats that <see cref="BackwardAndUpdate"/> needs for gradients in a plan without a gradient span: all of the op's, unless it can do with
    /// fewer.
    /// </summary>
    /// <param name="parameters">Floats of the op's parameters.</param>
    /// <param name="layout">Padded or compact rows.</param>
    public virtual int UpdateLength(int parameters, Layout layout) => parameters;

    /// <summary>Multiply-adds of one sample's forward pass.</summary>
    public virtual long MultiplyAdds => 0;

    /// <summary>Writes the output from the inputs.</summary>
    public abstract void Forward(in OpContext<float> c);

    /// <summary><see cref="Forward"/> for a run of one sample, compiled for the step's offsets: a small layer takes 30 ns, as much as a
    /// context and its spans.</summary>
    /// <returns>Null where the op has none.</returns>
    internal virtual OneSampleAffine? OneSampleForward(Step step, Arithmetic arithmetic) => null;

    /// <summary>Writes the gradients of inputs and parameters from the gradient of the output.</summary>
    public abstract void Backward(in OpContext<float> c);

    /// <summary>
    /// Backward pass and plain gradient descent in one, for a step whose gradient nothing else reads: the bits of <see cref="Backward"/> followed by
    /// the update. An op overrides it where it need not write the gradient to memory.
    /// </summary>
    /// <returns>Whether the gradient was finite.</returns>
    public virtual bool BackwardAndUpdate(in OpContext<float> c, in SgdUpdate update)
    {
        Backward(in c);
        return update.Apply(in c);
    }

    /// <summary>The definition of <see cref="Forward"/>: textbook loops, the same bits.</summary>
    public abstract void ForwardScalar(in OpContext<float> c);

    /// <summary>The definition of <see cref="Backward"/>: textbook loops, the same bits.</summary>
    public abstract void BackwardScalar(in OpContext<float> c);

    /// <summary>The same loops in double: the oracle.</summary>
    public abstract void ForwardScalar(in OpContext<double> c);

    /// <summary>The same loops in double: the oracle.</summary>
    public abstract void BackwardScalar(in OpContext<double> c);
}
