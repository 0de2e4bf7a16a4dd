namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The names that options take, as help and error messages list them.</summary>
internal static class Names
{
    public static readonly string[] Activations =
    [
        "identity", "sigmoid", "tanh", "lecun-tanh", "relu", "leaky-relu", "relu6", "elu", "selu", "gelu", "softplus", "softsign", "silu", "mish",
        "hard-sigmoid", "hard-swish", "softmax",
    ];

    public static readonly string[] Losses = ["quadratic", "mse", "mae", "huber", "binary-cross-entropy", "cross-entropy"];

    public static readonly string[] Optimizers = ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "rprop"];

    public static readonly string[] Initializers = ["normal", "scaled-normal", "lecun", "glorot", "he", "orthogonal", "zeros"];

    public static readonly string[] Schedules = ["constant", "step", "exponential", "cosine", "plateau", "warm-up"];

    public static readonly string[] Averages = ["none", "ema", "swa"];

    public static readonly string[] Paddings = ["start", "end", "mask"];

    public static readonly string[] Targets = ["classes", "numbers"];

    public static readonly string[] Arithmetics = ["fused", "separate"];
}
