using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Optimizers;

namespace EmbeddedBackprop.Export.Update;

/// <summary>An optimiser in C, printed from its formula: the work once an update, and a loop over the parameters of a group.</summary>
/// <remarks>
/// Its statements are part of NAME_update, which has <c>gradients</c>, <c>optimizer</c> (the state arrays one after the other, after them the
/// scalars) and <c>rate</c>.
/// </remarks>
internal sealed class COptimizer
{
    private static readonly string[] UpdateNames = ["parameters", "gradients", "optimizer", "rate"];

    private readonly Optimizer optimizer;
    private readonly UpdateText formula;

    // Names of the factors and of the state arrays, and the loop's body, which reads some of the factors.
    private readonly string[] factors;
    private readonly string[] arrays;
    private readonly CFormulaText body;

    // Whether a factor is a variable that all groups share: it is more than an operation, and the same whatever a group's decay.
    private readonly bool[] shared;

    private COptimizer(Optimizer optimizer, UpdateText formula)
    {
        (this.optimizer, this.formula) = (optimizer, formula);
        LaneText[] values = ToArray(
            formula.Factors(LaneText.Input("rate"), LaneText.Input("decay"), LaneText.Input("first"), LaneText.Input("second")));
        factors = Names(values, "factor", ["n", "i", "g", "w"]);
        shared = [.. values.Select(value => IsLong(Unnamed(value).Node) && !Reads(value.Node, "decay"))];
        LaneText[] inputs = [.. factors.Select(name => LaneText.Input(name))];
        arrays = Names(Apply(inputs, ["", ""])[1..], "s", ["n", "i", "g", "w", .. factors]);
        LaneText[] results = Apply(inputs, arrays);
        body = CFormula.Print(
            2, ["n", "i", "g", "w", .. arrays],
            [new("w[i] =", results[0]), .. Enumerable.Range(0, optimizer.StateArrays).Select(i => new CResult(arrays[i] + "[i] =", results[i + 1]))]);
    }

    /// <summary>The indices of the factors that the loop reads.</summary>
    private IEnumerable<int> Read => Enumerable.Range(0, factors.Length).Where(i => body.Inputs.Contains(factors[i]));

    /// <summary>The C of an optimiser, a user's own like the engine's.</summary>
    /// <exception cref="NotSupportedException">It has no formula.</exception>
    public static COptimizer For(Optimizer optimizer)
    {
        if (optimizer.Text is not { } formula)
        {
            ExportErrors.UnknownOptimizer(optimizer.Name);
            return null;
        }

        return new COptimizer(optimizer, formula);
    }

    /// <summary>The initial optimiser state that NAME_start sets after clearing it: Optimizer.Reset.</summary>
    public static void WriteStart(CTraining training, CProgram program)
    {
        Optimizer optimizer = training.Options.Optimizer;
        float[] scalars = new float[optimizer.StateScalars];
        optimizer.Reset(scalars);
        for (int i = 0; i < scalars.Length; i++)
        {
            if (scalars[i] != 0f)
            {
                program.Statement($"{Scalar(training, i)} = {CText.Hex(scalars[i])};");
            }
        }
    }

    /// <summary>The work once an update, before any tensor: it advances the scalars and computes the factors that all groups share.</summary>
    public void WriteBegin(CTraining training, CProgram program)
    {
        if (optimizer.StateScalars > 0)
        {
            LaneText[] moving =
            [
                .. Enumerable.Range(0, 2).Select(i => i < optimizer.StateScalars ? LaneText.Input("scalar", Scalar(training, i)) : LaneText.Zero),
            ];
            formula.BeginStep(ref moving[0], ref moving[1]);
            CFormulaText moved = CFormula.Print(
                0,
                UpdateNames,
                [.. Enumerable.Range(0, optimizer.StateScalars).Select(i => new CResult(Scalar(training, i) + " =", moving[i]))]);
            if ((moved.Functions & ~(CFunctions.SquareRoot | CFunctions.Bits)) != CFunctions.None)
            {
                ExportErrors.ScalarFormula(optimizer.Name);
            }

            program.Gap();
            program.Comment("what is kept for the whole network moves on");
            program.Open("");
            program.Write(moved);
            program.Close();
        }

        LaneText[] values = Factors(training, 0f);
        int[] ours = [.. Read.Where(i => shared[i])];
        if (ours.Length > 0)
        {
            program.Gap();
            program.Comment("factors of this update");
            program.Write(CFormula.Print(0, UpdateNames, [.. ours.Select(i => new CResult($"const float {factors[i]} =", values[i]))]));
        }
    }

    /// <summary>The update of a group of tensors by their gradients, which have the penalties in them: Optimizer.UpdateScalar.</summary>
    public void WriteUpdate(CGroup group, CProgram program)
    {
        string update = program.Routine(
            CText.Identifier(optimizer.Name),
            body.Functions,
            name =>
                $$"""
                    {{CText.Block((formula.Equation.Length == 0 ? CText.Comment(optimizer.Name) : CText.Equation(formula.Equation)) + ".")}}
                    static void ebp_{{name}}(size_t n{{string.Concat(
                        Read.Select(i => ", float " + factors[i])
                    )}}, const float *g, float *w{{string.Concat(arrays.Take(optimizer.StateArrays).Select(array => $", float *{array}"))}})
                    {
                        size_t i;
                        for (i = 0u; i < n; i++) {
                    {{body.Text}}    }
                    }

                    """);
        LaneText[] values = Factors(group.Training, group.Decay);
        IEnumerable<string> given = Read.Select(i => shared[i] ? factors[i] : program.Expression(values[i]));
        IEnumerable<string> states = Enumerable.Range(0, optimizer.StateArrays).Select(group.State);
        program.Statement($"{update}({string.Join(", ", [group.Count, .. given, group.Gradients, group.Weights, .. states])});");
    }

    /// <summary>The new parameter and its kept state, from elements of the arrays.</summary>
    private LaneText[] Apply(LaneText[] k, string[] names)
    {
        LaneText parameter = LaneText.Input("weight", "w[i]");
        LaneText first = optimizer.StateArrays > 0 ? LaneText.Input("old_" + names[0], names[0] + "[i]") : LaneText.Zero;
        LaneText second = optimizer.StateArrays > 1 ? LaneText.Input("old_" + names[1], names[1] + "[i]") : LaneText.Zero;
        formula.Apply(new UpdateFactors<LaneText>(k[0], k[1], k[2]), LaneText.Input("gradient", "g[i]"), ref parameter, ref first, ref second);
        return [parameter, first, second];
    }

    private LaneText[] Factors(CTraining training, float decay)
    {
        LaneText[] scalars = Scalars(training);
        return [.. ToArray(formula.Factors(LaneText.Input("rate"), LaneText.Broadcast(decay), scalars[0], scalars[1])).Select(Unnamed)];
    }

    /// <summary>The scalars as the statements of NAME_update read them.</summary>
    private LaneText[] Scalars(CTraining training) =>
        [.. Enumerable.Range(0, 2).Select(i => i < optimizer.StateScalars ? LaneText.Input(Scalar(training, i)) : LaneText.Zero)];

    /// <summary>The C expression of a scalar in the optimiser's state.</summary>
    private static string Scalar(CTraining training, int index) =>
        $"optimizer[{CText.Size((training.Options.Optimizer.StateArrays * training.ParameterLength) + index)}]";

    private static LaneText[] ToArray(in UpdateFactors<LaneText> k) => [k.First, k.Second, k.Third];

    /// <summary>The names that a formula gives its values, each once and none of those taken.</summary>
    private static string[] Names(LaneText[] values, string otherwise, string[] taken)
    {
        List<string> names = [.. taken];
        for (int i = 0; i < values.Length; i++)
        {
            string name = values[i].Node.Operation == Operation.Named ? CText.Identifier(values[i].Node.Name) : otherwise + CText.Number(i + 1);
            names.Add(names.Contains(name) ? name + CText.Number(i + 1) : name);
        }

        return [.. names.Skip(taken.Length)];
    }

    private static LaneText Unnamed(LaneText value) => value.Node.Operation == Operation.Named ? LaneText.Of(value.Node.Arguments[0]) : value;

    /// <summary>Whether a tree is more than one operation.</summary>
    private static bool IsLong(Expression node) => node.Arguments.ToArray().Any(argument => argument.Arguments.Length > 0);

    private static bool Reads(Expression node, string input) =>
        (node.Operation == Operation.Input && node.Name == input) || node.Arguments.ToArray().Any(argument => Reads(argument, input));
}
