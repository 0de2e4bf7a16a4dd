using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace EmbeddedBackprop.Tests.Architecture;

/// <summary>
/// Which source file uses which, as the compiler resolves every name: no using, relative name, alias or inherited member escapes it.
/// </summary>
internal sealed class SourceDependencies
{
    // What the SDK's implicit usings add to every file.
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private SourceDependencies(IReadOnlyList<Use> uses) => Uses = uses;

    /// <summary>The library's own.</summary>
    public static SourceDependencies OfLibrary => Library.Value;

    /// <summary>Every use once: file, used file, and the name by which it was first used.</summary>
    public IReadOnlyList<Use> Uses { get; }

    private static Lazy<SourceDependencies> Library { get; } = new(() => Of(LibraryFiles()));

    /// <summary>Resolves the names of these files: path and content of each.</summary>
    public static SourceDependencies Of(IEnumerable<(string Path, string Content)> files)
    {
        CSharpParseOptions options = new(LanguageVersion.Preview, DocumentationMode.None);
        List<SyntaxTree> trees = [.. files.Select(file => CSharpSyntaxTree.ParseText(file.Content, options, file.Path))];
        CSharpCompilation compilation = CSharpCompilation.Create(
            "Sources",
            trees.Append(CSharpSyntaxTree.ParseText(ImplicitUsings, options)),
            References(),
            new(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));
        return new([.. trees.SelectMany(tree => UsesOf(compilation.GetSemanticModel(tree))).DistinctBy(use => (use.File, use.Used))]);
    }

    private static IEnumerable<Use> UsesOf(SemanticModel model)
    {
        string file = model.SyntaxTree.FilePath;
        foreach (SimpleNameSyntax name in model.SyntaxTree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
        {
            SymbolInfo found = model.GetSymbolInfo(name);
            ISymbol? symbol = found.Symbol ?? found.CandidateSymbols.FirstOrDefault();
            foreach (string used in FilesOf(symbol as INamedTypeSymbol ?? symbol?.ContainingType))
            {
                if (used != file)
                {
                    yield return new(file, used, name.Identifier.Text);
                }
            }
        }
    }

    private static IEnumerable<string> FilesOf(INamedTypeSymbol? type) =>
        type is null ? [] : type.OriginalDefinition.DeclaringSyntaxReferences.Select(declaration => declaration.SyntaxTree.FilePath);

    private static IEnumerable<MetadataReference> References() =>
        ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path =>
                Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal)
                || Path.GetFileName(path) is "mscorlib.dll" or "netstandard.dll")
            .Select(path => MetadataReference.CreateFromFile(path));

    /// <summary>Path below the library's folder, and content, of every source file.</summary>
    public static IEnumerable<(string Path, string Content)> LibraryFiles()
    {
        string source = Path.Combine(Repository.Root, "src", "EmbeddedBackprop");
        return Directory.GetFiles(source, "*.cs", SearchOption.AllDirectories)
            .Select(path => (Path.GetRelativePath(source, path).Replace('\\', '/'), path))
            .Where(file => !file.Item1.StartsWith("obj/", StringComparison.Ordinal) && !file.Item1.StartsWith("bin/", StringComparison.Ordinal))
            .Select(file => (file.Item1, File.ReadAllText(file.path)));
    }

    /// <summary>A file uses another one by a name.</summary>
    internal sealed record Use(string File, string Used, string Name);
}
