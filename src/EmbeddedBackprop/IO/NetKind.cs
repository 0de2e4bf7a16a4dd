using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.IO;

/// <summary>How one kind of op is written in a net's text; <see cref="Op.Settings"/> is the other direction.</summary>
/// <param name="Name">The kind: <see cref="Op.Kind"/> of the ops that are made.</param>
/// <param name="Usage">The statement's form, for error messages and docs/nets.md; its first word is the kind.</param>
/// <param name="Read">Takes the sizes and options, and says how the op is made with its activation.</param>
internal sealed record NetKind(string Name, string Usage, Func<NetWords, Func<Activation, Op>> Read)
{
    /// <summary>The form tells the kind.</summary>
    public NetKind(string usage, Func<NetWords, Func<Activation, Op>> read)
        : this(usage.Split(' ')[0], usage, read)
    {
    }

    /// <summary>The fewest nodes that the op reads.</summary>
    public int MinimumOperands { get; init; } = 1;

    /// <summary>The most nodes that the op reads.</summary>
    public int MaximumOperands { get; init; } = 1;

    /// <summary>Whether the op ends in an activation, so that the name of one may be among its words.</summary>
    public bool Activates { get; init; }

    /// <summary>Words of the settings of a program's own op, which are written as they are; 0 for the library's.</summary>
    public int SettingWords { get; init; }

    /// <summary>Whether an activation must be named.</summary>
    public bool NeedsActivation { get; init; }
}
