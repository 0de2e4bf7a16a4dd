using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.IO;

/// <content>What a program registers of its own, so that model files with its names can be opened.</content>
public static partial class Registry
{
    /// <summary>Registers an activation of a program's own; again for the same name replaces it.</summary>
    /// <typeparam name="TFunction">The function; its name is that in files.</typeparam>
    /// <exception cref="ArgumentException">The name is one of the library's, or files cannot hold it.</exception>
    public static void RegisterActivation<TFunction>() where TFunction : struct, IActivationFunction =>
        Activations.Table.Register(TFunction.Name, _ => new Activation<TFunction>());

    /// <summary>Registers a loss of a program's own; again for the same name replaces it.</summary>
    /// <typeparam name="TFunction">The loss of one output; its name is that in files.</typeparam>
    /// <exception cref="ArgumentException">The name is one of the library's, or files cannot hold it.</exception>
    public static void RegisterLoss<TFunction>() where TFunction : struct, ILossFunction =>
        Losses.Table.Register(TFunction.Name, Losses.Row<TFunction>().Make);

    /// <summary>Registers an optimiser of a program's own; again for the same name replaces it.</summary>
    /// <param name="name">The optimiser's <see cref="Optimizer.Name"/>.</param>
    /// <param name="make">Makes it from the settings in a file, which are those of its <see cref="Optimizer.Settings"/>; null means its
    /// default.</param>
    /// <exception cref="ArgumentException">The name is one of the library's, or files cannot hold it.</exception>
    public static void RegisterOptimizer(string name, Func<OptimizerSettings, Optimizer> make) => Optimizers.Table.Register(name, make);

    /// <summary>Registers an initialiser of a program's own; again for the same name replaces it.</summary>
    /// <param name="name">The initialiser's <see cref="Initializer.Name"/>.</param>
    /// <param name="make">Makes it from the settings in a file.</param>
    /// <exception cref="ArgumentException">The name is one of the library's, or files cannot hold it.</exception>
    public static void RegisterInitializer(string name, Func<InitializerSettings, Initializer> make) => Initializers.Table.Register(name, make);

    /// <summary>Registers a schedule of a program's own; again for the same name replaces it.</summary>
    /// <param name="name">The schedule's <see cref="Schedule.Name"/>.</param>
    /// <param name="make">Makes it from the settings in a file.</param>
    /// <exception cref="ArgumentException">The name is one of the library's, or files cannot hold it.</exception>
    public static void RegisterSchedule(string name, Func<ScheduleSettings, Schedule> make) => Schedules.Table.Register(name, make);

    /// <summary>Registers a function of two nodes of a program's own (<see cref="Pairwise{TFunction}"/>).</summary>
    /// <typeparam name="TFunction">The function; its name is the op's kind.</typeparam>
    /// <exception cref="ArgumentException">The name is one of the library's, or files cannot hold it.</exception>
    public static void RegisterPairwise<TFunction>() where TFunction : struct, IPairwiseFunction =>
        RegisterOp(TFunction.Name, _ => new Pairwise<TFunction>(), minimumInputs: 2, maximumInputs: 2);

    /// <summary>Registers an op of a program's own; again for the same kind replaces it.</summary>
    /// <param name="kind">The op's <see cref="Op.Kind"/>.</param>
    /// <param name="make">
    /// Makes it from the words of its <see cref="Op.Settings"/>; an <see cref="ArgumentException"/> or a <see cref="FormatException"/> tells that
    /// they are wrong.
    /// </param>
    /// <param name="settingWords">How many words <see cref="Op.Settings"/> has, with blanks between: letters, digits, and <c>- _ . +</c>.</param>
    /// <param name="minimumInputs">The fewest nodes that it reads.</param>
    /// <param name="maximumInputs">The most nodes that it reads.</param>
    /// <exception cref="ArgumentException">The kind is one of the library's, or files cannot hold it; or the numbers do not fit together.</exception>
    public static void RegisterOp(
        string kind, Func<IReadOnlyList<string>, Op> make, int settingWords = 0, int minimumInputs = 1, int maximumInputs = 1)
    {
        ArgumentException.ThrowIfNullOrEmpty(kind);
        ArgumentNullException.ThrowIfNull(make);
        ArgumentOutOfRangeException.ThrowIfNegative(settingWords);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(minimumInputs);
        ArgumentOutOfRangeException.ThrowIfLessThan(maximumInputs, minimumInputs);
        string usage = kind + string.Concat(Enumerable.Repeat(" SETTING", settingWords)) + " [NODE ...]";
        NetKinds.Register(new NetKind(kind, usage, words =>
        {
            string[] settings = new string[settingWords];
            for (int i = 0; i < settings.Length; i++)
            {
                settings[i] = words.Word("a setting");
            }

            Op op = make(settings);
            return op is not null && op.Kind == kind
                ? _ => op
                : throw new ArgumentException($"the op that was registered as {kind} is {(op is null ? "null" : $"a {op.Kind}")}");
        })
        { SettingWords = settingWords, MinimumOperands = minimumInputs, MaximumOperands = maximumInputs });
    }

    /// <summary>
    /// What a file of this network would name that is neither the library's nor registered, as in <c>loss log-cosh</c>: such a file is written all
    /// the same, and <see cref="ModelFile.LoadWeights(Network, bool)"/> and <see cref="ModelFile.Restore"/> fill a network that is built in code.
    /// <see cref="ModelFile.ToNetwork(int, Layout, bool)"/> refuses an unknown activation or op, and where loss or optimiser are unknown gives a
    /// network that only predicts.
    /// </summary>
    /// <param name="network">The network that is to be saved.</param>
    /// <param name="trainer">Its training, if that is saved, too.</param>
    /// <returns>Nothing, if the file gives everything back.</returns>
    public static IReadOnlyList<string> Missing(Network network, Trainer? trainer = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        SortedSet<string> missing = new(StringComparer.Ordinal);

        // A quantised network is written as the float network that it was made of.
        foreach (Op op in NetText.Written(network).Output.Graph.Nodes.Select(node => node.Op).OfType<Op>())
        {
            if (op is Loss loss)
            {
                Require(Losses.Table.Knows(loss.Kind), $"loss {loss.Kind}");
                continue;
            }

            if (NetKinds.Find(op.Kind) is not { } kind)
            {
                _ = missing.Add($"op {op.Kind}");
            }
            else if (kind.SettingWords > 0)
            {
                int words = op.Settings.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;
                Require(words == kind.SettingWords, $"op {op.Kind}: its settings are {words} words, {kind.SettingWords} are registered");
            }

            Require(op.ActivationName is not { } name || Activations.Table.Knows(name), $"activation {op.ActivationName}");
        }

        Require(Initializers.Table.Knows(network.Options.Initializer.Name), $"initializer {network.Options.Initializer.Name}");
        if (network.Loss is not null)
        {
            Require(Optimizers.Table.Knows(network.Options.Optimizer.Name), $"optimizer {network.Options.Optimizer.Name}");
        }

        if (trainer is not null)
        {
            Require(Schedules.Table.Knows(trainer.Options.Schedule.Name), $"schedule {trainer.Options.Schedule.Name}");
        }

        return [.. missing];

        void Require(bool known, string what)
        {
            if (!known)
            {
                _ = missing.Add(what);
            }
        }
    }

    internal static bool KnowsLoss(string name) => Losses.Table.Knows(name);

    internal static bool KnowsOptimizer(string name) => Optimizers.Table.Knows(name);

    internal static bool KnowsInitializer(string name) => Initializers.Table.Knows(name);
}
