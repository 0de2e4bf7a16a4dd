using System.Runtime.InteropServices;
using EmbeddedBackprop.Training;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>Code as a reader pastes it into a new console project: compiled with what the SDK adds, and run as a process of its own.</summary>
internal static class SampleProgram
{
    // What "dotnet new console" adds to every file.
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private static readonly string Dotnet = Path.GetFullPath(Path.Combine(
        RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));

    private static readonly MetadataReference[] References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal))
            .Append(typeof(Network).Assembly.Location)
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>The errors and warnings of the compiler; none if the program was written into the folder as NAME.dll.</summary>
    /// <param name="folder">Where the program is written.</param>
    /// <param name="name">Its name.</param>
    /// <param name="library">Whether it has types only.</param>
    /// <param name="sources">Its files.</param>
    public static string[] Compile(string folder, string name, bool library, params ReadOnlySpan<string> sources) =>
        Compile(folder, name, library, [], sources);

    /// <summary>The same with a file of the folder as an embedded resource: the file's name and the resource's, or nothing.</summary>
    public static string[] Compile(string folder, string name, bool library, string[] resource, params ReadOnlySpan<string> sources)
    {
        CSharpParseOptions options = new(LanguageVersion.Latest);
        CSharpCompilation compilation = CSharpCompilation.Create(
            name,
            [CSharpSyntaxTree.ParseText(ImplicitUsings, options), .. sources.ToArray().Select(source => CSharpSyntaxTree.ParseText(source, options))],
            References,
            new(library ? OutputKind.DynamicallyLinkedLibrary : OutputKind.ConsoleApplication,
                optimizationLevel: OptimizationLevel.Release, nullableContextOptions: NullableContextOptions.Enable));
        ResourceDescription[] resources = resource is [string file, string logicalName]
            ? [new(logicalName, () => File.OpenRead(Path.Combine(folder, file)), isPublic: true)]
            : [];
        EmitResult result = compilation.Emit(Path.Combine(folder, name + ".dll"), manifestResources: resources);
        return
        [
            .. result.Diagnostics.Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning).Select(diagnostic => diagnostic.ToString()),
        ];
    }

    /// <summary>Runs a program that was compiled; it has to succeed. Returns its output.</summary>
    public static string Run(string folder, string name)
    {
        foreach (string dll in (string[])["EmbeddedBackprop.dll", "System.Numerics.Tensors.dll"])
        {
            string source = Path.Combine(AppContext.BaseDirectory, dll), target = Path.Combine(folder, dll);
            if (File.Exists(source) && !File.Exists(target))
            {
                File.Copy(source, target);
            }
        }

        File.WriteAllText(Path.Combine(folder, name + ".runtimeconfig.json"), $$"""
            {
              "runtimeOptions": {
                "tfm": "net{{Environment.Version.Major}}.0",
                "framework": { "name": "Microsoft.NETCore.App", "version": "{{Environment.Version}}" },
                "configProperties": { "System.Runtime.TieredCompilation.QuickJit": false, "System.Globalization.Invariant": true }
              }
            }
            """);
        return Tools.RunChecked(folder, Dotnet, name + ".dll");
    }
}
