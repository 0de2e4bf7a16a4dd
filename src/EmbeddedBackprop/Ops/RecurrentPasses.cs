using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Gates;

namespace EmbeddedBackprop.Ops;

/// <summary>A recurrent cell as an op sees it: its sizes and its passes over a sequence.</summary>
/// <remarks>
/// The two passes have two codes: <see cref="RecurrentTwin"/> is the definition in float and double, <see cref="RecurrentPass"/> multiplies the
/// inputs, and the weight gradients, of many steps at once. The formulas between the products are one code, the cell's.
/// </remarks>
internal abstract class RecurrentPasses : Passes
{
    /// <summary>Gates: the weights have so many times H columns.</summary>
    public abstract int Gates { get; }

    /// <summary>Deltas of a unit; see <see cref="IRecurrentCell.Deltas"/>.</summary>
    public abstract int Deltas { get; }

    /// <summary>Whether there is a cell beside the hidden state.</summary>
    public abstract bool HasCell { get; }

    /// <summary>The letters of the gates that are kept, in their order; a simple layer has none.</summary>
    public abstract IReadOnlyList<string> GateNames { get; }

    /// <summary>The passes of a cell.</summary>
    public static RecurrentPasses For<TCell>() where TCell : struct, IRecurrentCell => RecurrentPasses<TCell>.Instance;

    /// <summary>The backward pass with other operands than the op's own.</summary>
    internal abstract void Backward(Recurrent op, in OpContext<float> c, in RecurrentOperands<float> operands);

    /// <summary>Its definition.</summary>
    internal abstract void BackwardScalar(Recurrent op, in OpContext<float> c, in RecurrentOperands<float> operands);

    /// <summary>Its definition in double.</summary>
    internal abstract void BackwardScalar(Recurrent op, in OpContext<double> c, in RecurrentOperands<double> operands);
}

/// <inheritdoc/>
internal sealed class RecurrentPasses<TCell> : RecurrentPasses where TCell : struct, IRecurrentCell
{
    public static readonly RecurrentPasses<TCell> Instance = new();

    public override int Gates => TCell.Gates;

    public override int Deltas => TCell.Deltas;

    public override bool HasCell => TCell.HasCell;

    public override IReadOnlyList<string> GateNames
    {
        get
        {
            string[] names = new string[Math.Min(TCell.Gates, TCell.Kept)];
            for (int gate = 0; gate < names.Length; gate++)
            {
                names[gate] = TCell.GateName(gate);
            }

            return names;
        }
    }

    /// <summary>A recurrent layer gives its passes to the constructor: there is nothing to mistake.</summary>
    internal override void RequireOf(KernelOp op)
    {
    }

    internal override void Forward(KernelOp op, in OpContext<float> c) => RecurrentPass.Forward<TCell>((Recurrent)op, in c);

    internal override void Backward(KernelOp op, in OpContext<float> c) => Backward((Recurrent)op, in c, new(in c));

    internal override void ForwardScalar(KernelOp op, in OpContext<float> c) => RecurrentTwin.Forward<TCell, float>((Recurrent)op, in c);

    internal override void BackwardScalar(KernelOp op, in OpContext<float> c) => BackwardScalar((Recurrent)op, in c, new(in c));

    internal override void ForwardScalar(KernelOp op, in OpContext<double> c) => RecurrentTwin.Forward<TCell, double>((Recurrent)op, in c);

    internal override void BackwardScalar(KernelOp op, in OpContext<double> c) => BackwardScalar((Recurrent)op, in c, new(in c));

    internal override void Backward(Recurrent op, in OpContext<float> c, in RecurrentOperands<float> operands) =>
        RecurrentPass.Backward<TCell>(op, in c, in operands);

    internal override void BackwardScalar(Recurrent op, in OpContext<float> c, in RecurrentOperands<float> operands) =>
        RecurrentTwin.Backward<TCell, float>(op, in c, in operands);

    internal override void BackwardScalar(Recurrent op, in OpContext<double> c, in RecurrentOperands<double> operands) =>
        RecurrentTwin.Backward<TCell, double>(op, in c, in operands);
}
