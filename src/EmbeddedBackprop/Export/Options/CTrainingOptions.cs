using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Export;

/// <summary>The options of an exported training step; without them (<see cref="CExportOptions.Training"/>) the C predicts only.</summary>
public sealed record CTrainingOptions
{
    private readonly float? learningRate;

    /// <summary>The losses, in the order in which their weighted values are added.</summary>
    public required IReadOnlyList<Node> Losses { get; init; }

    /// <summary>The optimiser, plain gradient descent by default; its state is part of the caller's memory.</summary>
    public Optimizer Optimizer { get; init; } = new Sgd();

    /// <summary>Penalties on the size of weights; none by default.</summary>
    public Regularization Regularization { get; init; } = Regularization.None;

    /// <summary>Bounds on gradients; none by default.</summary>
    public Clipping Clipping { get; init; } = Clipping.None;

    /// <summary>
    /// The initial learning rate, by default the one that suits optimiser and loss (<see cref="LearningRates"/>); it is a variable of the model,
    /// which the caller may change.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public float LearningRate
    {
        get
        {
            Node? loss = Losses.Count > 0 ? Losses[0] : null;
            return learningRate ?? LearningRates.For(Optimizer.Name, loss?.Op?.Kind ?? "", loss?.Inputs[0].Op?.ActivationName ?? "");
        }
        init => learningRate = Errors.RequireNotNegative("learning rate", value);
    }

    /// <summary>How the learning rate changes with the updates; by default it does not.</summary>
    public Schedule Schedule { get; init; } = new Constant();

    /// <summary>
    /// Updates of an epoch, for a schedule that counts epochs: a device sees no end of a data set. The C's macro NAME_STEPS_PER_EPOCH can be defined
    /// otherwise. 0, none, by default.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public int StepsPerEpoch { get; init => field = (int)Errors.RequireNotNegative("steps per epoch", value); }

    /// <summary>
    /// Epochs of the whole training, for a schedule that falls to its end (cosine). The C's macro NAME_EPOCHS can be defined otherwise. 1 by default.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive.</exception>
    public int Epochs { get; init => field = Errors.RequirePositive("epochs", value); } = 1;

    /// <summary>Samples of one call; 1 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive.</exception>
    public int Batch { get; init => field = Errors.RequirePositive("batch", value); } = 1;

    /// <summary>Calls of one update: gradients are added up over them, and the loss averages over all their samples. 1 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive.</exception>
    public int Accumulate { get; init => field = Errors.RequirePositive("accumulate", value); } = 1;

    /// <summary>
    /// Layers that keep their weights, by name: these stay constant tables in flash, also as float16 or int8, and take no RAM. None by default.
    /// </summary>
    public IReadOnlyList<string> Frozen { get; init; } = [];

    /// <summary>
    /// Draws the first weights of trained layers on the device, with the engine's bits, instead of a table in flash; null, the default, for the
    /// network's own weights.
    /// </summary>
    public Initializer? Initializer { get; init; }

    /// <summary>The seed of <see cref="Initializer"/>; 0 by default.</summary>
    public ulong InitializerSeed { get; init; }

    /// <summary>Seed of everything random in training (dropout); 0 by default.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// Names of nodes whose values are computed again in the backward pass instead of kept, where that is possible: less memory, more time, the same
    /// bits. None by default.
    /// </summary>
    public IReadOnlyList<string> Recompute { get; init; } = [];

    /// <summary>Updates of the self-test; 0 for none. 4 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public int SelfTestSteps { get; init => field = (int)Errors.RequireNotNegative("self-test steps", value); } = 4;

    /// <summary>Whether a schedule needs <see cref="StepsPerEpoch"/>.</summary>
    public static bool CountsEpochs(Schedule schedule)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        return (schedule is WarmUp { Then: { } then } ? then : schedule) is not Constant;
    }

    /// <summary>The training of a network: its losses, optimiser, penalties, bounds and seed; one sample a call.</summary>
    /// <param name="network">A network with a loss.</param>
    /// <param name="learningRate">The learning rate.</param>
    /// <exception cref="InvalidOperationException">The network only predicts.</exception>
    public static CTrainingOptions Of(Network network, float learningRate)
    {
        ArgumentNullException.ThrowIfNull(network);
        if (network.TrainingPlan is null)
        {
            GraphErrors.InferenceOnly();
        }

        return new CTrainingOptions
        {
            Losses = network.TrainingPlan!.Losses,
            Optimizer = network.Options.Optimizer,
            Regularization = network.Options.Regularization,
            Clipping = network.Options.Clipping,
            LearningRate = learningRate,
            Frozen = network.Options.Frozen,
            Seed = network.Options.Seed,
            InitializerSeed = network.Options.Seed,
        };
    }
}
