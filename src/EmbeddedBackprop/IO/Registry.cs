using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.IO;

/// <summary>
/// Activations, losses, optimisers, initialisers and schedules by the names they have in model files and on the command line. Only a program that calls a method of this class
/// carries everything that the method knows; a network built in code carries what it uses.
/// </summary>
public static class Registry
{
    /// <summary>Every name that <see cref="Activation"/> knows.</summary>
    public static IReadOnlyList<string> ActivationNames { get; } =
    [
        "identity", "sigmoid", "tanh", "lecun-tanh", "relu", "leaky-relu", "relu6", "elu", "selu", "gelu",
        "softplus", "softsign", "silu", "mish", "hard-sigmoid", "hard-swish", "softmax",
    ];

    /// <summary>Every name that <see cref="Loss"/> knows.</summary>
    public static IReadOnlyList<string> LossNames { get; } =
        ["quadratic", "mse", "mae", "huber", "binary-cross-entropy", "binary-cross-entropy-with-logits", "cross-entropy"];

    /// <summary>The activation of this name.</summary>
    /// <exception cref="ArgumentException">There is none; the message lists the known names.</exception>
    public static Activation Activation(string name) => name switch
    {
        "identity" => new Activation<Identity>(),
        "sigmoid" => new Activation<Sigmoid>(),
        "tanh" => new Activation<Tanh>(),
        "lecun-tanh" => new Activation<LeCunTanh>(),
        "relu" => new Activation<Relu>(),
        "leaky-relu" => new Activation<LeakyRelu>(),
        "relu6" => new Activation<Relu6>(),
        "elu" => new Activation<Elu>(),
        "selu" => new Activation<Selu>(),
        "gelu" => new Activation<Gelu>(),
        "softplus" => new Activation<Softplus>(),
        "softsign" => new Activation<Softsign>(),
        "silu" => new Activation<Silu>(),
        "mish" => new Activation<Mish>(),
        "hard-sigmoid" => new Activation<HardSigmoid>(),
        "hard-swish" => new Activation<HardSwish>(),
        "softmax" => new Softmax(),
        _ => throw Unknown("activation", name, ActivationNames),
    };

    /// <summary>The loss of this name.</summary>
    /// <param name="name">One of <see cref="LossNames"/>.</param>
    /// <param name="settings">Differences from the loss's defaults; null for nothing.</param>
    /// <exception cref="ArgumentException">There is none, or a setting lies out of its range; the message names the expected values.</exception>
    public static Loss Loss(string name, LossSettings? settings = null) => name switch
    {
        "quadratic" => Elementwise<Quadratic>(settings),
        "mse" => Elementwise<MeanSquared>(settings),
        "mae" => Elementwise<MeanAbsolute>(settings),
        "huber" => Elementwise<Huber>(settings),
        "binary-cross-entropy" => Elementwise<BinaryCrossEntropy>(settings),
        "binary-cross-entropy-with-logits" => Elementwise<BinaryCrossEntropyWithLogits>(settings),
        "cross-entropy" => new SoftmaxCrossEntropy
        {
            LabelSmoothing = settings?.LabelSmoothing ?? 0f, ClassWeights = settings?.ClassWeights, Weight = settings?.Weight ?? 1f,
        },
        _ => throw Unknown("loss", name, LossNames),
    };

    /// <summary>The names that <see cref="Optimizer"/> knows.</summary>
    public static IReadOnlyList<string> OptimizerNames { get; } = ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "rprop"];

    /// <summary>The names that <see cref="Initializer"/> knows.</summary>
    public static IReadOnlyList<string> InitializerNames { get; } = ["normal", "scaled-normal", "lecun", "glorot", "he", "orthogonal", "zeros"];

    /// <summary>The names that <see cref="Schedule"/> knows.</summary>
    public static IReadOnlyList<string> ScheduleNames { get; } = ["constant", "step", "exponential", "cosine", "plateau", "warm-up"];

    /// <summary>An optimiser by name.</summary>
    /// <param name="name">One of <see cref="OptimizerNames"/>.</param>
    /// <param name="settings">Differences from the optimiser's defaults; null for nothing.</param>
    /// <exception cref="ArgumentException">The name is unknown, or a setting lies out of its range; the message names the expected
    /// values.</exception>
    public static Optimizer Optimizer(string name, OptimizerSettings? settings = null)
    {
        OptimizerSettings s = settings ?? new OptimizerSettings();
        return name switch
        {
            "sgd" => new Sgd(),
            "momentum" => new Momentum { Coefficient = s.Momentum ?? 0.9f },
            "nesterov" => new Nesterov { Coefficient = s.Momentum ?? 0.9f },
            "adagrad" => new Adagrad { Epsilon = s.Epsilon ?? 1e-10f },
            "rmsprop" => new RmsProp { Alpha = s.Alpha ?? 0.99f, Epsilon = s.Epsilon ?? 1e-8f },
            "adam" => new Adam { Beta1 = s.Beta1 ?? 0.9f, Beta2 = s.Beta2 ?? 0.999f, Epsilon = s.Epsilon ?? 1e-8f },
            "adamw" => new AdamW { Beta1 = s.Beta1 ?? 0.9f, Beta2 = s.Beta2 ?? 0.999f, Epsilon = s.Epsilon ?? 1e-8f },
            "rprop" => new Rprop
            {
                Decrease = s.Decrease ?? 0.5f, Increase = s.Increase ?? 1.2f, SmallestStep = s.SmallestStep ?? 1e-6f, LargestStep = s.LargestStep ?? 50f,
            },
            _ => throw Unknown("optimizer", name, OptimizerNames),
        };
    }

    /// <summary>An initialiser by name.</summary>
    /// <param name="name">One of <see cref="InitializerNames"/>.</param>
    /// <param name="settings">Differences from the initialiser's defaults; null for nothing.</param>
    /// <exception cref="ArgumentException">The name is unknown, or a setting lies out of its range; the message names the expected
    /// values.</exception>
    public static Initializer Initializer(string name, InitializerSettings? settings = null) => name switch
    {
        "normal" => new Normal(),
        "scaled-normal" => new ScaledNormal(),
        "lecun" => new LeCun(),
        "glorot" => new Glorot(),
        "he" => new He(),
        "orthogonal" => new Orthogonal { Gain = settings?.Gain ?? 1f },
        "zeros" => new Zeros(),
        _ => throw Unknown("initializer", name, InitializerNames),
    };

    /// <summary>A learning-rate schedule by name.</summary>
    /// <param name="name">One of <see cref="ScheduleNames"/>.</param>
    /// <param name="settings">Differences from the schedule's defaults; null for nothing.</param>
    /// <exception cref="ArgumentException">The name is unknown, or a setting lies out of its range; the message names the expected
    /// values.</exception>
    public static Schedule Schedule(string name, ScheduleSettings? settings = null)
    {
        ScheduleSettings s = settings ?? new ScheduleSettings();
        return name switch
        {
            "constant" => new Constant(),
            "step" => new StepDecay { Every = s.Every ?? 10, Factor = s.Factor ?? 0.1f },
            "exponential" => new Exponential { Factor = s.Factor ?? 0.95f },
            "cosine" => new Cosine { Floor = s.Floor ?? 0f },
            "plateau" => new Plateau { Epochs = s.Every ?? 10, Factor = s.Factor ?? 0.5f, Floor = s.Floor ?? 0f },
            "warm-up" => new WarmUp { Steps = s.WarmUpSteps ?? 1000, Then = AfterWarmUp(s) },
            _ => throw Unknown("schedule", name, ScheduleNames),
        };
    }

    // A rise of a rise has no meaning that settings could express.
    private static Schedule AfterWarmUp(ScheduleSettings settings) => settings.Then switch
    {
        null => new Constant(),
        "warm-up" => throw Unknown("schedule after the warm-up", "warm-up", [.. ScheduleNames.Where(n => n != "warm-up")]),
        _ => Schedule(settings.Then, settings),
    };

    private static Loss<TFunction> Elementwise<TFunction>(LossSettings? settings) where TFunction : struct, ILossFunction =>
        new() { LabelSmoothing = settings?.LabelSmoothing ?? 0f, ClassWeights = settings?.ClassWeights, Weight = settings?.Weight ?? 1f };

    private static ArgumentException Unknown(string kind, string name, IReadOnlyList<string> names) =>
        new($"{kind} {name}: there is none of this name; known are {string.Join(", ", names)}");
}
