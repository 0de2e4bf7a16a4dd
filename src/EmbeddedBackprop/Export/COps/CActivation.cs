using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.COps;

/// <summary>The C text of an element-wise activation: the operations of its Value in Activations, in the same order.</summary>
/// <param name="Type">The activation's class: a user's own of the same name is another one.</param>
/// <param name="Name">Its name in comments.</param>
/// <param name="Functions">What it uses of <see cref="CMath"/>.</param>
/// <param name="Value">The C expression of f(z).</param>
internal sealed record CActivation(Type Type, string Name, CFunctions Functions, string Value)
{
    // One line for each activation.
    private static readonly CActivation[] All =
    [
        new(typeof(Activation<Identity>), "identity", CFunctions.None, "z"),
        new(typeof(Activation<Sigmoid>), "sigmoid", CFunctions.Sigmoid, "ebp_sigmoid(z)"),
    ];

    /// <summary>The text for an activation.</summary>
    /// <exception cref="NotSupportedException">There is none: it is a user's own.</exception>
    public static CActivation For(Step step, Activation activation)
    {
        foreach (CActivation candidate in All)
        {
            if (candidate.Type == activation.GetType())
            {
                return candidate;
            }
        }

        ExportErrors.UnknownActivation(step.Name, activation.Name);
        return null;
    }

    /// <summary>a = f(z) over a whole row; z and a may be the same.</summary>
    public void Write(CProgram program, int length, string z, string a)
    {
        if (Value == "z" && z == a)
        {
            return;
        }

        string identifier = CText.Identifier(Name);
        string each = program.Routine("each_" + identifier, Functions, $$"""
            static void ebp_each_{{identifier}}(size_t n, const float *x, float *y)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
                    const float z = x[i];
                    y[i] = {{Value}};
                }
            }

            """);
        program.Statement($"{each}({CText.Size(length)}, {z}, {a});");
    }
}
