using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Emit;

namespace EmbeddedBackprop.Mutation;

/// <summary>The library with all mutants of an area in it, one of which is active at a time.</summary>
internal sealed class MutatedLibrary
{
    /// <summary>The class that a mutated file asks whether a mutant is active.</summary>
    public const string Switch = "Mutants";

    /// <summary>Its field with the active mutant's number, or -1.</summary>
    public const string Active = "Active";

    /// <summary>Its array with a byte a mutant, which is set where one is asked for; null when nobody wants to know.</summary>
    public const string Reached = "Reached";

    private const string SwitchSource = $$"""
        internal static class {{Switch}}
        {
            public static int {{Active}} = -1;
            public static byte[] {{Reached}};

            public static bool Is(int id)
            {
                if ({{Reached}} is byte[] reached)
                {
                    reached[id] = 1;
                }

                return id == {{Active}};
            }
        }
        """;

    private static readonly CSharpParseOptions Options =
        new(LanguageVersion.Preview, DocumentationMode.None, preprocessorSymbols: ["NET", "NET9_0_OR_GREATER", "NET10_0", "NET10_0_OR_GREATER"]);

    private MutatedLibrary(IReadOnlyList<Mutant> mutants, int notCompiled) => (Mutants, NotCompiled) = (mutants, notCompiled);

    public IReadOnlyList<Mutant> Mutants { get; }

    /// <summary>How many more mutants there were: a compiler refused them.</summary>
    public int NotCompiled { get; }

    /// <summary>Compiles the sources below <paramref name="folder"/> to <paramref name="assembly"/>, without the mutants that are no C#.</summary>
    public static MutatedLibrary Build(string folder, Func<string, bool> isMutated, string assembly)
    {
        HashSet<int> leftOut = [];
        while (true)
        {
            List<Mutant> mutants = [];
            List<SyntaxTree> trees = [CSharpSyntaxTree.ParseText(SwitchSource, Options)];
            foreach ((string path, string source) in Sources(folder))
            {
                SyntaxNode root = CSharpSyntaxTree.ParseText(source, Options).GetRoot();
                if (isMutated(path))
                {
                    Mutator mutator = new(path, mutants.Count, leftOut);
                    root = mutator.Visit(root)!;
                    mutants.AddRange(mutator.Mutants);
                }

                trees.Add(CSharpSyntaxTree.Create((CSharpSyntaxNode)root, Options, path));
            }

            EmitResult result = Compile(trees, assembly);
            if (result.Success)
            {
                return new([.. mutants.Where(mutant => !leftOut.Contains(mutant.Id))], leftOut.Count);
            }

            int before = leftOut.Count;
            Diagnostic[] errors = [.. result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)];
            foreach (Diagnostic error in errors)
            {
                leftOut.UnionWith(Suspects(error));
            }

            if (leftOut.Count == before)
            {
                throw new InvalidOperationException($"The library does not compile: {errors[0]}");
            }
        }
    }

    // As the project compiles them. The marshalling of imported functions, which a generator writes there, is the runtime's here.
    private static IEnumerable<(string Path, string Source)> Sources(string folder)
    {
        string generated = Path.Combine(folder, "obj", "Release", "net10.0");
        return Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Select(path => (Path: Path.GetRelativePath(folder, path).Replace('\\', '/'), Full: path))
            .Where(file => !file.Path.StartsWith("obj/", StringComparison.Ordinal) && !file.Path.StartsWith("bin/", StringComparison.Ordinal))
            .Concat(Directory.GetFiles(generated, "EmbeddedBackprop.*.cs").Select(path => (Path: Path.GetFileName(path), Full: path)))
            .OrderBy(file => file.Path, StringComparer.Ordinal)
            .Select(file => (file.Path, WithoutGenerator(File.ReadAllText(file.Full))));
    }

    private static string WithoutGenerator(string source) => !source.Contains("[LibraryImport(", StringComparison.Ordinal) ? source : source
        .Replace("[LibraryImport(", "[DllImport(", StringComparison.Ordinal)
        .Replace("StringMarshalling = StringMarshalling.Utf8", "CharSet = CharSet.Ansi", StringComparison.Ordinal)
        .Replace("private static partial int", "private static extern int", StringComparison.Ordinal);

    private static EmitResult Compile(IEnumerable<SyntaxTree> trees, string assembly)
    {
        IEnumerable<MetadataReference> references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal))
            .Select(path => MetadataReference.CreateFromFile(path));
        CSharpCompilationOptions options = new(
            OutputKind.DynamicallyLinkedLibrary,
            optimizationLevel: OptimizationLevel.Release,
            allowUnsafe: true,
            nullableContextOptions: NullableContextOptions.Enable);
        using FileStream file = File.Create(assembly);
        return CSharpCompilation.Create("EmbeddedBackprop", trees, references, options).Emit(file);
    }

    // The innermost mutant around the error; without one, those of the member that leave a statement out, or all of it.
    private static IEnumerable<int> Suspects(Diagnostic error)
    {
        SyntaxNode? node = error.Location.SourceTree?.GetRoot().FindNode(error.Location.SourceSpan);
        SyntaxNode[] around = [.. node?.AncestorsAndSelf() ?? []];
        if (around.Select(Mutator.IdOf).FirstOrDefault(id => id is not null) is int innermost)
        {
            return [innermost];
        }

        SyntaxNode[] members = [.. around.OfType<MemberDeclarationSyntax>().Take(1).SelectMany(member => member.DescendantNodes())];
        int[] statements = [.. members.OfType<IfStatementSyntax>().Select(Mutator.IdOf).OfType<int>()];
        return statements.Length > 0 ? statements : members.Select(Mutator.IdOf).OfType<int>();
    }
}
