using System.Reflection;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Nothing that has a name is missing from the registry, and the tests of activations and losses run over what the registry knows.</summary>
internal sealed class RegistryTests
{
    [Test]
    public void Every_activation_of_the_assembly_has_its_name() =>
        Assert.That(Registry.ActivationNames, Is.EquivalentTo(NamesOf(typeof(IActivationFunction)).Append("softmax")));

    [Test]
    public void Every_loss_of_the_assembly_has_its_name() =>
        Assert.That(Registry.LossNames, Is.EquivalentTo(NamesOf(typeof(ILossFunction)).Append("cross-entropy")));

    [Test]
    public void Classes_that_are_no_function_of_one_number_are_known()
    {
        Assert.That(Subclasses(typeof(Activation)), Is.EquivalentTo(new[] { typeof(EmbeddedBackprop.Activations.Softmax) }));
        Assert.That(Subclasses(typeof(Loss)), Is.EquivalentTo(new[] { typeof(SoftmaxCrossEntropy) }));
    }

    [Test]
    public void A_name_makes_what_it_names()
    {
        Assert.That(Registry.ActivationNames.Select(name => Registry.Activation(name).Name), Is.EqualTo(Registry.ActivationNames));
        Assert.That(Registry.LossNames.Select(name => Registry.Loss(name).Kind), Is.EqualTo(Registry.LossNames));
    }

    [Test]
    public void An_unknown_name_lists_the_known_ones()
    {
        Assert.That(() => Registry.Activation("sigmoidal"), Throws.ArgumentException.With.Message.Contains("sigmoidal").And.Message.Contains("hard-swish"));
        Assert.That(() => Registry.Loss("log"), Throws.ArgumentException.With.Message.Contains("log").And.Message.Contains("huber"));
    }

    private static IEnumerable<string> NamesOf(Type contract) =>
        typeof(Registry).Assembly.GetTypes()
            .Where(type => type.IsValueType && contract.IsAssignableFrom(type))
            .Select(type => (string)type.GetProperty("Name", BindingFlags.Public | BindingFlags.Static)!.GetValue(null)!);

    private static IEnumerable<Type> Subclasses(Type type) =>
        typeof(Registry).Assembly.GetTypes().Where(t => t.IsSubclassOf(type) && !t.IsGenericTypeDefinition);
}
