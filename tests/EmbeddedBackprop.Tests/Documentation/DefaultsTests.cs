using System.Globalization;
using System.Reflection;
using System.Xml.Linq;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>A property of options says in its documentation what it is where nobody sets it.</summary>
internal sealed class DefaultsTests
{
    private static readonly Lazy<Dictionary<string, string>> Summaries = new(() =>
        XDocument.Load(Path.ChangeExtension(typeof(Network).Assembly.Location, ".xml")).Descendants("member")
            .Where(member => member.Element("summary") is not null)
            .ToDictionary(member => member.Attribute("name")!.Value, member => member.Element("summary")!.Value));

    /// <summary>Records of options by their name, and what a file or a command line sets up by name.</summary>
    private static readonly Type[] Options =
    [
        typeof(WeightAveraging), typeof(Regularization), typeof(Clipping),
        .. typeof(Network).Assembly.GetExportedTypes().Where(type => type is { IsAbstract: false, IsGenericType: false }
            && (type.Name.EndsWith("Options", StringComparison.Ordinal) || typeof(Optimizer).IsAssignableFrom(type)
                || typeof(Schedule).IsAssignableFrom(type) || typeof(Initializer).IsAssignableFrom(type))),
    ];

    [TestCaseSource(nameof(Options))]
    public void Every_default_is_named(Type type)
    {
        // Options that must be given have no default.
        object options = type == typeof(CTrainingOptions) ? new CTrainingOptions { Losses = [] } : Activator.CreateInstance(type)!;
        List<string> missing = [];
        foreach (PropertyInfo property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
        {
            string[] attributes = [.. property.CustomAttributes.Select(attribute => attribute.AttributeType.Name)];
            if (property.SetMethod is null || attributes.Contains("RequiredMemberAttribute") || attributes.Contains("ObsoleteAttribute"))
            {
                continue;
            }

            string summary = Summaries.Value[$"P:{type.FullName}.{property.Name}"];
            bool follows = type == typeof(CTrainingOptions) && property.Name == nameof(CTrainingOptions.LearningRate);
            if (!Names(summary, follows ? null : property.GetValue(options)))
            {
                missing.Add($"{property.Name}: {summary.Trim()}");
            }
        }

        Assert.That(missing, Is.Empty);
    }

    [Test]
    public void A_wrong_default_is_seen()
    {
        Assert.That(Names("Samples; 32 by default.", 32), Is.True);
        Assert.That(Names("Samples; 31 by default.", 32), Is.False);
        Assert.That(Names("Samples; 132 by default.", 32), Is.False);
        Assert.That(Names("The rate, 1e-4 by default.", 0.0001f), Is.True);
        Assert.That(Names("Samples.", 0), Is.False);
    }

    [Test]
    public void Every_record_of_options_is_asked() =>
        Assert.That(
            Options,
            Is.SupersetOf((Type[])[typeof(NetworkOptions), typeof(TrainerOptions), typeof(QuantizerOptions), typeof(CExportOptions)]));

    /// <summary>The word, and where the default is a number other than 0, the number.</summary>
    private static bool Names(string summary, object? value)
    {
        if (!summary.Contains("default", StringComparison.Ordinal))
        {
            return false;
        }

        double? number = value switch
        {
            int n => n,
            long n => n,
            ulong n => n,
            float x => double.Parse(x.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
            double x => x,
            _ => null,
        };
        return number is null or 0 or double.NaN || value is 1L << 30
            || summary.Split([' ', ';', ',', '(', ')', '\n', ':']).Any(word =>
                double.TryParse(word.TrimEnd('.'), NumberStyles.Float, CultureInfo.InvariantCulture, out double said) && said == number);
    }
}
