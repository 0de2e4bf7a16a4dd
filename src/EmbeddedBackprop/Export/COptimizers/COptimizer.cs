using EmbeddedBackprop.Optimizers;

namespace EmbeddedBackprop.Export.COptimizers;

/// <summary>The C text of one kind of optimiser.</summary>
/// <remarks>
/// Its statements stand in NAME_update, which has <c>model</c>, <c>parameters</c>, <c>gradients</c> and <c>optimizer</c>: the state arrays one behind the other, array i of a
/// tensor at <see cref="State"/>, and behind them the scalars (<see cref="Scalars"/>).
/// </remarks>
internal abstract class COptimizer
{
    // The list of all that can be exported: an optimiser is one file here and one line in it.
    private static readonly COptimizer[] All = [new CSgd()];

    /// <summary>The optimiser's class.</summary>
    protected abstract Type OptimizerType { get; }

    /// <summary>The text for an optimiser.</summary>
    /// <exception cref="NotSupportedException">There is none.</exception>
    public static COptimizer For(Optimizer optimizer)
    {
        foreach (COptimizer candidate in All)
        {
            if (candidate.OptimizerType == optimizer.GetType())
            {
                return candidate;
            }
        }

        ExportErrors.UnknownOptimizer(optimizer.Name);
        return null;
    }

    /// <summary>What NAME_start does to the optimiser's state, which it has cleared: Optimizer.Reset.</summary>
    public virtual void WriteStart(CTraining training, CProgram program)
    {
    }

    /// <summary>What happens once per update, before any tensor: Optimizer.BeginStep.</summary>
    public virtual void WriteBegin(CTraining training, CProgram program)
    {
    }

    /// <summary>The update of one tensor by its gradient, which has the penalties in it: Optimizer.UpdateScalar.</summary>
    public abstract void WriteUpdate(CTraining training, CTensor tensor, CProgram program);

    /// <summary>The place of the i-th state array of a tensor.</summary>
    protected static string State(CTraining training, CTensor tensor, int array) => CTraining.At("optimizer", (array * training.ParameterLength) + tensor.Offset);

    /// <summary>The place of the scalars.</summary>
    protected static string Scalars(CTraining training) => CTraining.At("optimizer", training.Options.Optimizer.StateArrays * training.ParameterLength);
}
