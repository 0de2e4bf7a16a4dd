using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>An activation of one number.</summary>
/// <param name="Type">The activation's class.</param>
/// <param name="Name">Its name in comments.</param>
/// <param name="Formula">What it computes, for a person.</param>
/// <param name="Functions">What it uses of <see cref="CMath"/>.</param>
/// <param name="Value">The C expression of f(z), every function name beginning with "ebp_".</param>
/// <param name="Locals">Declarations that the expression uses.</param>
internal sealed record CElementwise(Type Type, string Name, string Formula, CFunctions Functions, string Value, string[] Locals)
    : CActivation(Type, Name, Formula)
{
    public override void Write(CProgram program, int length, string z, string a)
    {
        bool copies = Value == "z";
        if (copies && z == a)
        {
            return;
        }

        string name = "each_" + CText.Identifier(Name);
        string locals = string.Concat(Locals.Select(line => "        " + line + "\n"));
        string each = program.Routine(name, Functions, $$"""
            /* {{Formula}} */
            static void ebp_{{name}}(size_t n, const float *x, float *y)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
                    const float z = x[i];
            {{locals}}        y[i] = {{Value}};
                }
            }

            """);
        program.Statement($"{each}({CText.Size(length)}, {z}, {a});");
    }

    /// <summary>f'(z) as an expression of z and a; "1.0f" for no factor at all.</summary>
    public string Slope { get; init; } = "1.0f";

    /// <summary>What it uses of <see cref="CMath"/>.</summary>
    public CFunctions SlopeFunctions { get; init; }

    /// <summary>Declarations that it uses.</summary>
    public string[] SlopeLocals { get; init; } = [];

    /// <summary>The same activation with the derivative of its Derivative in Activations.</summary>
    public CElementwise Derived(CFunctions functions, string slope, params string[] locals) => this with { Slope = slope, SlopeFunctions = functions, SlopeLocals = locals };

    public override void WriteBackward(CProgram program, int length, string z, string a, string d)
    {
        if (Slope == "1.0f")
        {
            return;
        }

        string name = "slope_" + CText.Identifier(Name), all = string.Join(' ', [Slope, .. SlopeLocals]);
        bool readsInput = CText.Uses(all, "z"), readsOutput = CText.Uses(all, "a");
        string parameters = (readsInput ? "const float *x, " : "") + (readsOutput ? "const float *y, " : "");
        string locals = (readsInput ? "        const float z = x[i];\n" : "") + (readsOutput ? "        const float a = y[i];\n" : "")
            + string.Concat(SlopeLocals.Select(line => "        " + line + "\n"));
        string slope = program.Routine(name, SlopeFunctions, $$"""
            /* delta = dC/da {{CText.Identifier(Name)}}'(z) */
            static void ebp_{{name}}(size_t n, {{parameters}}float *d)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
            {{locals}}        d[i] = d[i] * ({{Slope}});
                }
            }

            """);
        program.Statement($"{slope}({CText.Size(length)}, {(readsInput ? z + ", " : "")}{(readsOutput ? a + ", " : "")}{d});");
    }
}
