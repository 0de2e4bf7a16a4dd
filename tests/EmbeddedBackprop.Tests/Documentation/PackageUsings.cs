using System.Xml.Linq;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>The namespaces that the package adds to every file of a program whose project sets EmbeddedBackpropUsings.</summary>
internal static class PackageUsings
{
    /// <summary>The namespaces, in the order of package/EmbeddedBackprop.targets.</summary>
    public static IReadOnlyList<string> Namespaces { get; } =
    [
        .. XElement.Parse(Pages.Read("package/EmbeddedBackprop.targets")).Descendants("Using")
            .Select(element => element.Attribute("Include")!.Value),
    ];

    /// <summary>The file that the SDK makes of them.</summary>
    public static string Code { get; } = string.Concat(Namespaces.Select(name => $"global using {name};\n"));
}
