namespace EmbeddedBackprop.Export.COps;

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
}
