using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Graphs;

/// <summary>
/// An op that writes each pass once, over a set of kernels: SIMD, textbook loops in float, and the same in double are the three readings of one code.
/// </summary>
/// <remarks>
/// Virtual methods cannot be generic in an ahead-of-time program, so <see cref="Op"/> has six of them: two passes in three readings. This class
/// implements the six, once for all ops. The op implements <see cref="IPasses{TOp}"/>, which has two methods, and names itself in
/// <see cref="Passes"/>.
/// </remarks>
public abstract class KernelOp : Op
{
    /// <summary>The op's passes: <c>Passes.Of&lt;Dense&gt;()</c> for <c>Dense</c>.</summary>
    protected abstract Passes Passes { get; }

    // Asked for once: a pass of a small layer takes as long as a few calls.
    private Passes? known;

    private Passes Known => known ?? Find();

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c) => Known.Forward(this, in c);

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c) => Known.Backward(this, in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Known.ForwardScalar(this, in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => Known.BackwardScalar(this, in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => Known.ForwardScalar(this, in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => Known.BackwardScalar(this, in c);

    private Passes Find()
    {
        Passes passes = Passes;
        passes.RequireOf(this);
        return known = passes;
    }
}

/// <summary>The two passes of an op, each written once over a set of kernels K.</summary>
/// <typeparam name="TOp">The op.</typeparam>
public interface IPasses<TOp> where TOp : KernelOp
{
    /// <summary>Writes the output from the inputs.</summary>
    static abstract void Forward<T, K>(TOp op, in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>;

    /// <summary>Writes the gradients of inputs and parameters from the gradient of the output.</summary>
    static abstract void Backward<T, K>(TOp op, in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>;
}

/// <summary>An op's passes with each set of kernels.</summary>
public abstract class Passes
{
    private protected Passes()
    {
    }

    /// <summary>The passes of an op.</summary>
    /// <typeparam name="TOp">The op.</typeparam>
    public static Passes Of<TOp>() where TOp : KernelOp, IPasses<TOp> => Passes<TOp>.Instance;

    /// <summary>Ends in an exception if these are the passes of another class.</summary>
    internal abstract void RequireOf(KernelOp op);

    internal abstract void Forward(KernelOp op, in OpContext<float> c);

    internal abstract void Backward(KernelOp op, in OpContext<float> c);

    internal abstract void ForwardScalar(KernelOp op, in OpContext<float> c);

    internal abstract void BackwardScalar(KernelOp op, in OpContext<float> c);

    internal abstract void ForwardScalar(KernelOp op, in OpContext<double> c);

    internal abstract void BackwardScalar(KernelOp op, in OpContext<double> c);
}

/// <summary>Names the sets of kernels; nothing else does.</summary>
/// <typeparam name="TOp">The op.</typeparam>
internal sealed class Passes<TOp> : Passes where TOp : KernelOp, IPasses<TOp>
{
    public static readonly Passes<TOp> Instance = new();

    internal override void RequireOf(KernelOp op) => _ = (TOp)op;

    internal override void Forward(KernelOp op, in OpContext<float> c) => TOp.Forward<float, SimdKernels>(Unsafe.As<TOp>(op), in c);

    internal override void Backward(KernelOp op, in OpContext<float> c) => TOp.Backward<float, SimdKernels>(Unsafe.As<TOp>(op), in c);

    internal override void ForwardScalar(KernelOp op, in OpContext<float> c) => TOp.Forward<float, ScalarKernels<float>>(Unsafe.As<TOp>(op), in c);

    internal override void BackwardScalar(KernelOp op, in OpContext<float> c) => TOp.Backward<float, ScalarKernels<float>>(Unsafe.As<TOp>(op), in c);

    internal override void ForwardScalar(KernelOp op, in OpContext<double> c) => TOp.Forward<double, ScalarKernels<double>>(Unsafe.As<TOp>(op), in c);

    internal override void BackwardScalar(KernelOp op, in OpContext<double> c) =>
        TOp.Backward<double, ScalarKernels<double>>(Unsafe.As<TOp>(op), in c);
}
