using System.IO.Compression;
using System.Xml.Linq;

namespace EmbeddedBackprop.Tests.Packages;

/// <summary>Both packages, packed into a folder of their own, and fresh projects that restore them from there.</summary>
internal sealed class LocalPackages : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("ebp-packages-");

    /// <summary>The folder that everything is in.</summary>
    public string Folder => folder.FullName;

    /// <summary>The folder of the packages.</summary>
    public string Feed => Path.Combine(Folder, "feed");

    /// <summary>Packs the library and the tool, or takes those in the folder that EBP_PACKAGES names: the packages of a release.</summary>
    public void Pack()
    {
        if (Environment.GetEnvironmentVariable("EBP_PACKAGES") is { Length: > 0 } packed)
        {
            Directory.CreateDirectory(Feed);
            foreach (string file in Directory.GetFiles(packed, "*.*nupkg"))
            {
                File.Copy(file, Path.Combine(Feed, Path.GetFileName(file)));
            }

            return;
        }

        Pack(Path.Combine("src", "EmbeddedBackprop"), "first", Feed);
        Pack(Path.Combine("tools", "Ebp"), "first", Feed);
    }

    /// <summary>Packs a project once more, with nothing kept of the first time; returns the folder of the packages.</summary>
    public string PackAgain(string project)
    {
        string again = Path.Combine(Folder, "again");
        Pack(project, "second", again);
        return again;
    }

    /// <summary>A package's file, whatever its version is.</summary>
    public string Package(string id, string extension = "nupkg") =>
        Directory.GetFiles(Feed, $"{id}.*.{extension}").Single(file => char.IsAsciiDigit(Path.GetFileName(file)[id.Length + 1]));

    /// <summary>A package's version.</summary>
    public string Version(string id) => Path.GetFileNameWithoutExtension(Package(id))[(id.Length + 1)..];

    /// <summary>The bytes of a package's files by their name in it.</summary>
    public static SortedDictionary<string, byte[]> Files(string package)
    {
        SortedDictionary<string, byte[]> files = new(StringComparer.Ordinal);
        using ZipArchive archive = ZipFile.OpenRead(package);
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            using Stream stream = entry.Open();
            using MemoryStream bytes = new();
            stream.CopyTo(bytes);
            files.Add(entry.FullName, bytes.ToArray());
        }

        return files;
    }

    /// <summary>A new project that uses the package.</summary>
    /// <param name="name">Its folder and its program.</param>
    /// <param name="framework">Such as net10.0.</param>
    /// <param name="program">Program.cs.</param>
    /// <param name="properties">Further properties.</param>
    /// <returns>Its folder.</returns>
    public string Project(string name, string framework, string program, params ReadOnlySpan<(string Name, string Value)> properties)
    {
        string project = Directory.CreateDirectory(Path.Combine(Folder, name)).FullName;
        XElement settings = new(
            "PropertyGroup",
            new XElement("OutputType", "Exe"),
            new XElement("TargetFramework", framework),
            new XElement("ImplicitUsings", "enable"),
            new XElement("Nullable", "enable"),
            new XElement("TreatWarningsAsErrors", "true"));
        foreach ((string key, string value) in properties)
        {
            settings.Add(new XElement(key, value));
        }

        XElement package = new(
            "PackageReference", new XAttribute("Include", "EmbeddedBackprop"), new XAttribute("Version", Version("EmbeddedBackprop")));
        new XElement("Project", new XAttribute("Sdk", "Microsoft.NET.Sdk"), settings, new XElement("ItemGroup", package))
            .Save(Path.Combine(project, name + ".csproj"));
        File.WriteAllText(Path.Combine(project, "Program.cs"), program);
        Restore(project);
        return project;
    }

    /// <summary>Runs dotnet to its end; no build server outlives it, which would hold the pipe that is read to its end.</summary>
    public static string Dotnet(string folder, params ReadOnlySpan<string> arguments) =>
        Tools.RunChecked(folder, "dotnet", [.. arguments, "-nodeReuse:false", "-p:UseSharedCompilation=false"]);

    /// <summary>The settings of a restore that asks no other source than the packages' folder and what earlier restores have left.</summary>
    public string OfflineConfiguration()
    {
        string path = Path.Combine(Folder, "offline.config");
        Configuration(clear: true).Save(path);
        return path;
    }

    public void Dispose() => folder.Delete(recursive: true);

    private static void Pack(string project, string artifacts, string output) =>
        Dotnet(
            Repository.Root, "pack", project, "-c", "Release", "-p:PackReadyToRun=true", "-p:RunAnalyzers=false", "-o", output,
            "--artifacts-path", Path.Combine(Path.GetDirectoryName(output)!, artifacts));

    // First with what the machine has; a fresh machine asks the configured sources for the rest.
    private void Restore(string project)
    {
        Tools.Result result = Tools.Run(project, "dotnet", "restore", "--configfile", OfflineConfiguration(), "-nodeReuse:false");
        if (result.ExitCode == 0)
        {
            return;
        }

        Configuration(clear: false).Save(Path.Combine(Folder, "nuget.config"));
        Dotnet(project, "restore");
    }

    // Packages are unpacked into the folder of the test: the machine's own store keeps no copy of a package that is built anew each time.
    private XElement Configuration(bool clear)
    {
        string store = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        Directory.CreateDirectory(store);
        return new XElement(
            "configuration",
            new XElement("config", Add("globalPackagesFolder", Path.Combine(Folder, "store"))),
            new XElement("fallbackPackageFolders", Add("store", store)),
            new XElement("packageSources", clear ? new XElement("clear") : null, Add("packages", Feed)));

        static XElement Add(string key, string value) => new("add", new XAttribute("key", key), new XAttribute("value", value));
    }
}
