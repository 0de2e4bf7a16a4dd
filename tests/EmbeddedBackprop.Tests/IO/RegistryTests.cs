using System.Reflection;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Nothing that has a name is missing from the registry, and the tests of activations and losses run over the registry.</summary>
internal sealed class RegistryTests
{
    [Test]
    public void Every_type_of_the_assembly_has_a_row()
    {
        Assert.That(Registry.ActivationNames, Is.EquivalentTo(NamesOf(typeof(IActivationFunction)).Append(new Softmax().Name)));
        Assert.That(Registry.LossNames, Is.EquivalentTo(NamesOf(typeof(ILossFunction)).Append(new SoftmaxCrossEntropy().Kind)));
        Assert.That(Registry.OptimizerNames, Is.EquivalentTo(All<Optimizer>().Select(optimizer => optimizer.Name)));
        Assert.That(Registry.InitializerNames, Is.EquivalentTo(Initializers().Select(initializer => initializer.Name)));
        Assert.That(Registry.ScheduleNames, Is.EquivalentTo(All<Schedule>().Select(schedule => schedule.Name)));
    }

    /// <summary>Those that have a name in a file: ByActivation chooses one of them when a network is built.</summary>
    private static IEnumerable<Initializer> Initializers() => All<Initializer>().Where(initializer => initializer is not ByActivation);

    [Test]
    public void A_type_without_a_row_is_seen()
    {
        // The control: a table that lacks one row differs from the types of the assembly.
        IEnumerable<string> known = Registry.OptimizerNames.Where(name => name != "adam");
        Assert.That(All<Optimizer>().Select(optimizer => optimizer.Name).Except(known), Is.EqualTo(new[] { "adam" }));
        Assert.That(NamesOf(typeof(IActivationFunction)).Except(Registry.ActivationNames.Skip(1)), Is.EqualTo(new[] { "identity" }));
        Assert.That(NamesOf(typeof(ILossFunction)), Has.Exactly(1).EqualTo("huber"));
    }

    [Test]
    public void What_is_not_said_is_as_the_type_has_it()
    {
        Assert.That(
            Registry.OptimizerNames.Select(name => Registry.Optimizer(name).Settings),
            Is.EquivalentTo(All<Optimizer>().Select(optimizer => optimizer.Settings)));
        Assert.That(
            Registry.InitializerNames.Select(name => Registry.Initializer(name).Settings),
            Is.EquivalentTo(Initializers().Select(initializer => initializer.Settings)));
        Assert.That(
            Registry.ScheduleNames.Select(name => Registry.Schedule(name).Settings),
            Is.EquivalentTo(All<Schedule>().Select(schedule => schedule.Settings)));
        OptimizerSettings said = new()
        {
            Momentum = 0.5f,
            Alpha = 0.5f,
            Beta1 = 0.5f,
            Beta2 = 0.25f,
            Epsilon = 1f,
            Decrease = 0.25f,
            Increase = 2f,
            SmallestStep = 1f,
            LargestStep = 3f,
        };
        foreach (OptimizerSettings settings in Registry.OptimizerNames.Select(name => Registry.Optimizer(name, said).Settings))
        {
            // Each setting that the optimiser has is the given one.
            Assert.That(Registry.OptimizerNames.Select(name => Registry.Optimizer(name, settings).Settings), Does.Contain(settings));
            Assert.That(settings.Momentum ?? 0.5f, Is.EqualTo(0.5f));
            Assert.That((settings.Beta2 ?? 0.25f, settings.Epsilon ?? 1f, settings.LargestStep ?? 3f), Is.EqualTo((0.25f, 1f, 3f)));
        }
    }

    [Test]
    public void Classes_that_are_no_function_of_one_number_are_known()
    {
        Assert.That(Subclasses(typeof(Activation)), Is.EquivalentTo(new[] { typeof(Softmax) }));
        Assert.That(Subclasses(typeof(Loss)), Is.EquivalentTo(new[] { typeof(SoftmaxCrossEntropy) }));
    }

    [Test]
    public void A_name_makes_what_it_names()
    {
        Assert.That(Registry.ActivationNames.Select(name => Registry.Activation(name).Name), Is.EqualTo(Registry.ActivationNames));
        Assert.That(Registry.LossNames.Select(name => Registry.Loss(name).Kind), Is.EqualTo(Registry.LossNames));
        Assert.That(Registry.OptimizerNames.Select(name => Registry.Optimizer(name).Name), Is.EqualTo(Registry.OptimizerNames));
        Assert.That(Registry.InitializerNames.Select(name => Registry.Initializer(name).Name), Is.EqualTo(Registry.InitializerNames));
        Assert.That(Registry.ScheduleNames.Select(name => Registry.Schedule(name).Name), Is.EqualTo(Registry.ScheduleNames));
    }

    [Test]
    public void An_unknown_name_lists_the_known_ones()
    {
        Assert.That(
            () => Registry.Activation("sigmoidal"),
            Throws.ArgumentException.With.Message.Contains("sigmoidal").And.Message.Contains("hard-swish"));
        Assert.That(() => Registry.Loss("log"), Throws.ArgumentException.With.Message.Contains("log").And.Message.Contains("huber"));
    }

    private static IEnumerable<string> NamesOf(Type contract) =>
        typeof(Registry).Assembly.GetTypes()
            .Where(type => type.IsValueType && contract.IsAssignableFrom(type))
            .Select(type => (string)type.GetProperty("Name", BindingFlags.Public | BindingFlags.Static)!.GetValue(null)!);

    private static IEnumerable<T> All<T>() => Subclasses(typeof(T)).Select(type => (T)Activator.CreateInstance(type)!);

    private static IEnumerable<Type> Subclasses(Type type) =>
        typeof(Registry).Assembly.GetTypes().Where(t => t.IsSubclassOf(type) && !t.IsGenericTypeDefinition);
}
