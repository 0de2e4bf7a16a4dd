namespace EmbeddedBackprop.Export.COps;

/// <summary>The C text of one kind of op.</summary>
internal abstract class COp
{
    // The list of all that can be exported: an op is one file here and one line in it.
    private static readonly COp[] All = [new CDense(), new CActivate()];

    /// <summary>The op's class.</summary>
    protected abstract Type OpType { get; }

    /// <summary>The classes of all ops that can be exported.</summary>
    public static IEnumerable<Type> KnownTypes => All.Select(op => op.OpType);

    /// <summary>Writes a step: asks the program for routines and adds statements.</summary>
    public abstract void Write(CStep step, CProgram program);

    /// <summary>The text for an op.</summary>
    /// <exception cref="NotSupportedException">There is none.</exception>
    public static COp For(Graphs.Step step)
    {
        foreach (COp candidate in All)
        {
            if (candidate.OpType == step.Op.GetType())
            {
                return candidate;
            }
        }

        ExportErrors.UnknownOp(step.Name, step.Op.Kind);
        return null;
    }
}
