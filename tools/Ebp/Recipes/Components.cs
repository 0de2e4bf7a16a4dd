using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Optimizers;

namespace EmbeddedBackprop.Tools.Recipes;

internal static class Components
{
    public static Optimizer Optimizer(string name, float? momentum) =>
        name == "sgd" && momentum is null ? new Sgd() : throw ToolException.Usage($"optimizer {name} is not built in");

    public static Initializer Initializer(string name) => name == "normal" ? new Normal() : throw ToolException.Usage($"init {name} is not built in");
}
