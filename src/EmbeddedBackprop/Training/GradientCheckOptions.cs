namespace EmbeddedBackprop.Training;

/// <summary>How thoroughly and how strictly gradients are checked.</summary>
public sealed record GradientCheckOptions
{
    /// <summary>
    /// Elements of each tensor that are checked by differences, spread evenly; all if the tensor is smaller. Each costs four forward passes in
    /// double. 100 by default.
    /// </summary>
    public int ElementsPerTensor { get; init; } = 100;

    /// <summary>Step of the difference quotient, relative to max(1, |w|); 1e-4 by default.</summary>
    public double Step { get; init; } = 1e-4;

    /// <summary>Largest relative error of the double backward pass against differences; 1e-7 by default.</summary>
    public double DifferenceLimit { get; init; } = 1e-7;

    /// <summary>Largest relative error of the float backward pass against the double one; 1e-5 by default.</summary>
    public double FloatLimit { get; init; } = 1e-5;

    /// <summary>
    /// The shortest gradient that errors against differences are relative to, as a share of the whole gradient: where a tensor's terms cancel (a
    /// key's bias before an attention's softmax) only rounding is left. A wrong sign is caught down to limit * floor / 2 = 5e-12 of the whole
    /// gradient. 1e-4 by default.
    /// </summary>
    public double DifferenceFloor { get; init; } = 1e-4;

    /// <summary>
    /// The same for the float backward pass, whose terms are rounded to 6e-8 before they cancel. A wrong sign is caught down to 5e-8 of the whole
    /// gradient. 1e-2 by default.
    /// </summary>
    public double FloatFloor { get; init; } = 1e-2;

    /// <summary>Called after each tensor; null (the default) for none.</summary>
    public Action<GradientCheckRow>? Progress { get; init; }

    /// <summary>Ends the check after the current element, by an <see cref="OperationCanceledException"/>; never by default.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>
/// The check's result for one tensor. Errors are |difference| / max(|reference|, floor * |gradient of all tensors|) in the Euclidean norm;
/// where both are 0 the absolute error counts.
/// </summary>
/// <param name="Name">The tensor: a parameter, or an input of the graph.</param>
/// <param name="Count">Its elements.</param>
/// <param name="Checked">Elements checked by differences.</param>
/// <param name="Kinks">Elements left out because the loss has a kink within the step (ReLU at 0).</param>
/// <param name="Norm">Norm of the double gradient.</param>
/// <param name="DifferenceError">Double backward pass against central differences in double.</param>
/// <param name="FloatError">Float backward pass (the SIMD kernels) against the double one.</param>
/// <param name="Passed">Whether both errors are within their limits and at least one element was checked.</param>
public readonly record struct GradientCheckRow(
    string Name, int Count, int Checked, int Kinks, double Norm, double DifferenceError, double FloatError, bool Passed);
