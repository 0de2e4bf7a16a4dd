using System.Globalization;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Optimizers;

namespace EmbeddedBackprop.Export.Update;

/// <summary>The C text of an optimiser: the operations of its formula, in their order.</summary>
/// <remarks>
/// Its statements stand in NAME_update, which has <c>parameters</c>, <c>gradients</c>, <c>optimizer</c> (the state arrays one behind the other, behind them the scalars)
/// and <c>rate</c>.
/// </remarks>
internal abstract class COptimizer
{
    /// <summary>What happens once per update, before any tensor: Optimizer.BeginStep, and factors that all tensors share.</summary>
    public virtual void WriteBegin(CTraining training, CProgram program)
    {
    }

    /// <summary>The update of a group of tensors by their gradients, which have the penalties in them: Optimizer.UpdateScalar.</summary>
    public abstract void WriteUpdate(CGroup group, CProgram program);

    /// <summary>What NAME_start does to the optimiser's state, which it has cleared: Optimizer.Reset.</summary>
    public static void WriteStart(CTraining training, CProgram program)
    {
        Optimizer optimizer = training.Options.Optimizer;
        float[] scalars = new float[optimizer.StateScalars];
        optimizer.Reset(scalars);
        for (int i = 0; i < scalars.Length; i++)
        {
            if (scalars[i] != 0f)
            {
                program.Statement($"optimizer[{CText.Size(Scalar(training, i))}] = {CText.Hex(scalars[i])};");
            }
        }
    }

    /// <summary>The text for an optimiser.</summary>
    /// <exception cref="NotSupportedException">There is none.</exception>
    public static COptimizer For(Optimizer optimizer)
    {
        switch (optimizer)
        {
            case Sgd:
                return new CSgd();
            case Momentum momentum:
                return new CVelocity("momentum", momentum.Coefficient, looksAhead: false);
            case Nesterov nesterov:
                return new CVelocity("nesterov", nesterov.Coefficient, looksAhead: true);
            case Adagrad adagrad:
                return new CAdagrad(adagrad.Epsilon);
            case RmsProp rms:
                return new CRmsProp(rms.Alpha, rms.Epsilon);
            case Adam adam:
                return new CAdam(adam.Beta1, adam.Beta2, adam.Epsilon);
            case AdamW adam:
                return new CAdam(adam.Beta1, adam.Beta2, adam.Epsilon);
            case Rprop rprop:
                return new CRprop(rprop);
            default:
                ExportErrors.UnknownOptimizer(optimizer.Name);
                return null;
        }
    }

    /// <summary>The place of a scalar in the optimiser's state.</summary>
    protected static int Scalar(CTraining training, int index) => (training.Options.Optimizer.StateArrays * training.ParameterLength) + index;

    /// <summary>A constant with its decimal value beside it.</summary>
    protected static string Constant(string name, float value) =>
        string.Create(CultureInfo.InvariantCulture, $"    const float {name} = {CText.Hex(value)}; /* {value:G9} */\n");
}
