using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// How the C of one number of a parameter's gradient begins and ends. With gradient memory the chain goes on from what stands there (cleared in front of the first
/// sample) and is stored again; where gradients are applied at once it begins with +0 and the finished sum changes the weight, as Graphs/SgdUpdate.cs says.
/// </summary>
/// <remarks>
/// One routine's text serves all: put <see cref="Suffix"/> behind its name and <see cref="Parameters"/> into its parameters, begin each sum with
/// <see cref="Start"/> and end it with <see cref="End"/>; the call gets <see cref="Arguments"/>. Where weights change at once, a routine looks at
/// each sum once, and the gradient of the input, which reads the old weights, has to be finished before.
/// </remarks>
/// <param name="Tensor">The tensor.</param>
internal sealed record CEnding(CTensor Tensor)
{
    /// <summary>Whether the gradient is applied at once: then there is one sample, and the op is used once.</summary>
    public bool Updates => Tensor.Gradient is null;

    private bool Penalised => Tensor.L2 != 0f;

    /// <summary>What distinguishes the routine's name: "_gradient", "_update" or "_update_l2".</summary>
    public string Suffix => !Updates ? "_gradient" : Penalised ? "_update_l2" : "_update";

    /// <summary>The routine's parameters for the tensor: the gradient g, or the weights w with rate (and l2).</summary>
    public string Parameters => !Updates ? "float *g" : Penalised ? "float rate, float l2, float *w" : "float rate, float *w";

    /// <summary>What a call gives for them.</summary>
    public string Arguments => !Updates ? Tensor.Gradient! : Penalised ? $"rate, {CText.Hex(Tensor.L2)}, {Tensor.Place}" : $"rate, {Tensor.Place}";

    /// <summary>A sentence for the routine's comment, behind "... = ".</summary>
    public string Remark => !Updates ? "g goes on from the samples before" : Penalised ? "then w = w - rate (g + l2 w)" : "then w = w - rate g";

    /// <summary>The expression that the chain of number [index] begins with.</summary>
    public string Start(string index) => Updates ? "0.0f" : $"g[{index}]";

    /// <summary>The statement that ends it; <paramref name="sum"/> is the finished chain.</summary>
    public string End(string index, string sum) =>
        !Updates ? $"g[{index}] = {sum};"
        : Penalised ? $"w[{index}] = EBP_M(-rate, EBP_M(l2, w[{index}], {sum}), w[{index}]);"
        : $"w[{index}] = EBP_M(-rate, {sum}, w[{index}]);";
}
