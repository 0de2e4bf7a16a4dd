using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// How the C of a sum of one gradient begins and ends. Where gradients have memory, the sum begins with the value in it (0 before the first sample)
/// and is stored there.
/// Where they have none, the sum begins with +0 and changes the weight at once, as Graphs/SgdUpdate.cs says.
/// </summary>
/// <remarks>
/// So one routine is written for both. <see cref="Suffix"/> is the end of its name and <see cref="Parameters"/> the end of its parameters; each sum
/// begins with
/// <see cref="Start"/> and ends with <see cref="End"/>; the call is given <see cref="Arguments"/>. Where weights change at once, the routine uses
/// each sum once, and the gradient of the input, which reads the old weights, is computed before.
/// </remarks>
/// <param name="Memory">The C expression of the gradients; null where each finished sum changes its weight.</param>
/// <param name="Weights">The C expression of the weights.</param>
/// <param name="L2">The penalty's factor in g = M(l2, w, g); 0 for none.</param>
internal sealed record CGradientSum(string? Memory, string Weights, float L2)
{
    /// <summary>Whether the finished sum changes the weight: then a call has one sample, and the op is used once.</summary>
    public bool Updates => Memory is null;

    private bool Penalised => L2 != 0f;

    /// <summary>The end of the routine's name: "_gradient", "_update" or "_update_l2".</summary>
    public string Suffix => !Updates ? "_gradient" : Penalised ? "_update_l2" : "_update";

    /// <summary>The routine's parameters for the tensor: the gradient g, or the weights w with rate (and l2).</summary>
    public string Parameters => !Updates ? "float *g" : Penalised ? "float rate, float l2, float *w" : "float rate, float *w";

    /// <summary>The arguments of a call for these parameters.</summary>
    public string Arguments => Memory ?? (Penalised ? $"rate, {CText.Hex(L2)}, {Weights}" : $"rate, {Weights}");

    /// <summary>The end of the sentence "... = " in the routine's comment.</summary>
    public string Remark => !Updates ? "g goes on from the samples before" : Penalised ? "then w = w - rate (g + l2 w)" : "then w = w - rate g";

    /// <summary>The expression that the sum of element [index] begins with.</summary>
    public string Start(string index) => Updates ? "0.0f" : $"g[{index}]";

    /// <summary>The statement that ends it; <paramref name="sum"/> is the finished sum.</summary>
    public string End(string index, string sum) =>
        !Updates ? $"g[{index}] = {sum};"
        : Penalised ? $"w[{index}] = EBP_M(-rate, EBP_M(l2, w[{index}], {sum}), w[{index}]);"
        : $"w[{index}] = EBP_M(-rate, {sum}, w[{index}]);";
}
