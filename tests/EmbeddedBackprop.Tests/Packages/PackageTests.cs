using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data.Digits;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Tests.Documentation;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Packages;

/// <summary>The packages as their users get them: restored from a folder into projects outside the repository, and run.</summary>
[Category("Slow")]
[Category("Packages")]
[Parallelizable(ParallelScope.Self)]
internal sealed class PackageTests
{
    private const string Library = "EmbeddedBackprop", Tool = "EmbeddedBackprop.Tool";

    private LocalPackages packages = null!;

    [OneTimeSetUp]
    public void Pack()
    {
        packages = new LocalPackages();
        packages.Pack();
    }

    [OneTimeTearDown]
    public void Delete() => packages?.Dispose();

    [TestCase(Library)]
    [TestCase(Tool)]
    public void A_package_has_a_readme_a_licence_and_an_icon(string id)
    {
        SortedDictionary<string, byte[]> files = LocalPackages.Files(packages.Package(id));
        XElement metadata = Metadata(files, id);
        Assert.Multiple(() =>
        {
            Assert.That(Value(metadata, "license"), Is.EqualTo("MIT"));
            Assert.That(files.Keys, Does.Contain("LICENSE").And.Contain(Value(metadata, "readme")).And.Contain(Value(metadata, "icon")));
            Assert.That(files[Value(metadata, "icon")][..4], Is.EqualTo([0x89, (byte)'P', (byte)'N', (byte)'G']));
            Assert.That(Value(metadata, "description"), Has.Length.GreaterThan(50));
            Assert.That(files[Value(metadata, "readme")], Is.EqualTo(File.ReadAllBytes(Path.Combine(Repository.Root, "package", "README.md"))));
        });
    }

    [Test]
    public void The_library_has_two_frameworks_one_dependency_and_symbols()
    {
        SortedDictionary<string, byte[]> files = LocalPackages.Files(packages.Package(Library));
        string[] symbols = [.. LocalPackages.Files(packages.Package(Library, "snupkg")).Keys];
        XElement[] groups = [.. Metadata(files, Library).Descendants().Where(element => element.Name.LocalName == "group")];
        Assert.That(groups.Select(group => group.Attribute("targetFramework")!.Value), Is.EquivalentTo(["net9.0", "net10.0"]));
        foreach (XElement group in groups)
        {
            string framework = group.Attribute("targetFramework")!.Value;
            Assert.That(group.Elements().Select(dependency => dependency.Attribute("id")!.Value), Is.EqualTo(["System.Numerics.Tensors"]));
            Assert.That(files.Keys, Does.Contain($"lib/{framework}/EmbeddedBackprop.dll").And.Contain($"lib/{framework}/EmbeddedBackprop.xml"));
            Assert.That(symbols, Does.Contain($"lib/{framework}/EmbeddedBackprop.pdb"));
        }
    }

    [TestCase("net9.0")]
    [TestCase("net10.0")]
    public void The_documentation_names_what_a_program_can_name(string framework)
    {
        SortedDictionary<string, byte[]> files = LocalPackages.Files(packages.Package(Library));
        string[] documented = Documented(files[$"lib/{framework}/EmbeddedBackprop.xml"]);
        Assert.That(documented.Where(name => !CanBeNamed(name)), Is.Empty);
        Assert.That(documented, Has.Length.GreaterThan(1500));
        Assert.That(documented, Does.Contain("T:EmbeddedBackprop.Training.Network"));

        // The control: the file that the compiler wrote beside the library.
        string[] compiled = Documented(File.ReadAllBytes(Path.ChangeExtension(typeof(Network).Assembly.Location, ".xml")));
        Assert.That(compiled.Count(name => !CanBeNamed(name)), Is.GreaterThan(1000));
        Assert.That(compiled.Where(CanBeNamed).Except(documented).Where(name => name[0] != 'M'), Is.Empty, "nothing public is left out");
    }

    [Test]
    public void Packing_again_gives_the_same_bytes()
    {
        string again = packages.PackAgain(Path.Combine("src", "EmbeddedBackprop"));
        string[] written = Directory.GetFiles(again);
        Assert.That(written, Has.Length.EqualTo(2));
        foreach (string file in written)
        {
            string before = Path.Combine(packages.Feed, Path.GetFileName(file));
            SortedDictionary<string, byte[]> first = LocalPackages.Files(before), second = LocalPackages.Files(file);
            Assert.That(second.Keys, Is.EqualTo(first.Keys));
            Assert.That(second.Where(entry => !entry.Value.AsSpan().SequenceEqual(first[entry.Key])).Select(entry => entry.Key), Is.Empty);
            Assert.That(File.ReadAllBytes(file), Is.EqualTo(File.ReadAllBytes(before)), file);
        }
    }

    [Test]
    public void The_packages_readme_is_a_program_and_starts_without_the_slow_tier()
    {
        string project = packages.Project("Jit", "net10.0", ReadmeProgram());
        string output = LocalPackages.Dotnet(project, "run", "-c", "Release", "--no-restore");
        string accuracy = output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];
        Assert.That(double.Parse(Regex.Match(accuracy, @"[\d.]+").Value, CultureInfo.InvariantCulture), Is.GreaterThan(95), output);
        Assert.That(QuickJit(project, "Jit"), Is.False);
    }

    [Test]
    public void A_projects_own_setting_wins()
    {
        string project = packages.Project("Own", "net10.0", "Console.WriteLine();", ("TieredCompilationQuickJit", "true"));
        LocalPackages.Dotnet(project, "build", "-c", "Release", "--no-restore");
        Assert.That(QuickJit(project, "Own"), Is.True);
        string library = LocalPackages.Dotnet(
            packages.Project("Lib", "net10.0", "class C;", ("OutputType", "Library")), "msbuild", "-getProperty:TieredCompilationQuickJit");
        Assert.That(library.Trim(), Is.Empty, "a library");
        Tools.Result wrong = Tools.Run(project, "dotnet", "build", "--no-restore", "-p:EmbeddedBackpropArithmetic=both", "-nodeReuse:false");
        Assert.That(wrong.ExitCode, Is.Not.Zero);
        Assert.That(wrong.Output, Does.Contain("EmbeddedBackpropArithmetic is 'both': expected fused or separate."));
    }

    [Test]
    public void A_project_may_name_every_type_without_a_using()
    {
        string code = Regex.Replace(ReadmeProgram(), "^using [^\n]*\n", "", RegexOptions.Multiline);
        string with = packages.Project("Usings", "net10.0", code, ("EmbeddedBackpropUsings", "enable"));
        LocalPackages.Dotnet(with, "build", "-c", "Release", "--no-restore");
        string without = packages.Project("NoUsings", "net10.0", code);
        Tools.Result refused = Tools.Run(without, "dotnet", "build", "-c", "Release", "--no-restore", "-nodeReuse:false");
        Assert.That(refused.Output, Does.Contain("CS0246"), "the control");
        Tools.Result wrong = Tools.Run(with, "dotnet", "build", "--no-restore", "-p:EmbeddedBackpropUsings=yes", "-nodeReuse:false");
        Assert.That(wrong.Output, Does.Contain("EmbeddedBackpropUsings is 'yes': expected enable or disable."));
    }

    [TestCase("net9.0", "x86-x64-v")]
    [TestCase("net10.0", "x86-64-v")]
    public void A_native_build_without_avx_warns_with_the_line_that_mends_it(string framework, string level)
    {
        string project = packages.Project("Warned" + framework[3..^2], framework, "Console.WriteLine();", ("TreatWarningsAsErrors", "false"));
        Assert.Multiple(() =>
        {
            Assert.That(
                Publish("-p:RuntimeIdentifier=linux-x64"),
                Does.Contain("warning EBP0001:").And.Contain($"<IlcInstructionSet>{level}3</IlcInstructionSet>"));
            Assert.That(Publish("-p:RuntimeIdentifier=linux-arm64"), Does.Not.Contain("EBP0001"), "NEON has both");
            Assert.That(Publish("-p:RuntimeIdentifier=linux-x64", "-p:PublishAot=false"), Does.Not.Contain("EBP0001"), "the JIT uses what there is");
            Assert.That(Publish("-p:RuntimeIdentifier=linux-x64", "-p:IlcInstructionSet=native"), Does.Not.Contain("EBP0001"));
            Assert.That(Publish("-p:RuntimeIdentifier=linux-x64", "-p:EmbeddedBackpropProcessors=all"), Does.Not.Contain("EBP0001"));
            Assert.That(Publish("-p:RuntimeIdentifier=linux-x64", "-p:EmbeddedBackpropProcessors=avx2"), Does.Not.Contain("EBP0001"));
            Assert.That(InstructionSet("-p:EmbeddedBackpropProcessors=avx2"), Is.EqualTo(level + "3"));
            Assert.That(InstructionSet("-p:EmbeddedBackpropProcessors=avx512"), Is.EqualTo(level + "4"));
            Assert.That(InstructionSet("-p:EmbeddedBackpropProcessors=avx2", "-p:IlcInstructionSet=native"), Is.EqualTo("native"));
            Assert.That(InstructionSet("-p:IlcInstructionSet=x86-64-v3%2Cavx512f"), Is.EqualTo(level + "3,avx512f"), "either name, in a list");
            Assert.That(InstructionSet("-p:IlcInstructionSet=x86-x64-v3"), Is.EqualTo(level + "3"));
            Assert.That(InstructionSet("-p:EmbeddedBackpropProcessors=all"), Is.Empty);
        });
        Tools.Result wrong = Tools.Run(project, "dotnet", "build", "--no-restore", "-p:EmbeddedBackpropProcessors=avx", "-nodeReuse:false");
        Assert.That(wrong.ExitCode, Is.Not.Zero);
        Assert.That(wrong.Output, Does.Contain("EmbeddedBackpropProcessors is 'avx': expected all, avx2 or avx512."));

        string Publish(params ReadOnlySpan<string> properties) =>
            LocalPackages.Dotnet(project, ["msbuild", "-t:PrepareForPublish", "-p:PublishAot=true", .. properties]);

        string InstructionSet(params ReadOnlySpan<string> properties) =>
            LocalPackages.Dotnet(project, ["msbuild", "-getProperty:IlcInstructionSet", "-p:RuntimeIdentifier=linux-x64", .. properties]).Trim();
    }

    [Test]
    public void Native_programs_train_and_predict_with_the_bits_of_the_jit_and_hold_only_what_they_use()
    {
        RequireNativeTools();
        Network network = new Sequential(784).Dense<Relu>(30).Dense(10, new Softmax())
            .Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 10, Seed = 1 });
        new Trainer(network, DigitsGenerator.Create(1_000, seed: 1), new TrainerOptions { Epochs = 1, LearningRate = 0.1f }).TrainEpoch();

        string train = Publish("Train"), predict = Publish("Predict", ("EmbeddedBackpropArithmetic", "fused"));
        string model = Path.Combine(packages.Folder, "model.safetensors");
        Assert.That(Tools.RunChecked(train, Path.Combine(train, "Train"), model).Trim(), Is.EqualTo(WeightsHash.Of(network)));
        Assert.That(
            Tools.RunChecked(predict, Path.Combine(predict, "Predict"), model).Trim(),
            Is.EqualTo(network.Predict(new float[784])[0].ToString("R", CultureInfo.InvariantCulture)));

        string trained = Symbols(train, "Train"), predicted = Symbols(predict, "Predict");
        string[] unused =
        [
            "Optimizers_FormulaUpdate", "Losses_SoftmaxCrossEntropy", "Training_Trainer__", "Products_UpdateTile", "IO_SafetensorsWriter",
            "Products_GemmTile.*Lanes_Separate",
        ];
        Assert.Multiple(() =>
        {
            Assert.That(unused.Where(name => Regex.IsMatch(predicted, name)), Is.Empty, "a program that predicts");
            Assert.That(unused.Where(name => !Regex.IsMatch(trained, name)), Is.Empty, "the control: one that trains");
            Assert.That(predicted, Does.Match("Products_GemmTile.*Lanes_Fused").And.Not.Contain("IO_Registry").And.Not.Contain("IO_CsvReader"));
        });
        TestContext.Out.WriteLine($"{new FileInfo(Path.Combine(train, "Train")).Length:N0} bytes with training");
        TestContext.Out.WriteLine($"{new FileInfo(Path.Combine(predict, "Predict")).Length:N0} bytes without");
    }

    [Test]
    public void The_tool_is_installed_from_the_folder_and_trains()
    {
        string folder = Directory.CreateDirectory(Path.Combine(packages.Folder, "work")).FullName, tools = Path.Combine(packages.Folder, "tools");
        Tools.RunChecked(
            folder, "dotnet", "tool", "install", Tool, "--version", packages.Version(Tool), "--tool-path", tools, "--configfile",
            packages.OfflineConfiguration());
        string ebp = Path.Combine(tools, OperatingSystem.IsWindows() ? "ebp.exe" : "ebp");
        Assert.That(Tools.RunChecked(folder, ebp, "--version"), Does.StartWith(packages.Version(Tool)));
        Assert.That(Tools.RunChecked(folder, ebp, "train", "--epochs", "1"), Does.Contain("test accuracy"));
        Assert.That(File.Exists(Path.Combine(folder, "ebp-out", "model.c")));
    }

    private static string ReadmeProgram() =>
        Regex.Match(Pages.Read("package/README.md"), @"```csharp\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;

    private static bool QuickJit(string project, string name)
    {
        string[] found = Directory.GetFiles(Path.Combine(project, "bin"), $"{name}.runtimeconfig.json", SearchOption.AllDirectories);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(found.Single()));
        return json.RootElement.GetProperty("runtimeOptions").GetProperty("configProperties")
            .GetProperty("System.Runtime.TieredCompilation.QuickJit").GetBoolean();
    }

    private static XElement Metadata(SortedDictionary<string, byte[]> files, string id) =>
        XElement.Load(new MemoryStream(files[$"{id}.nuspec"])).Elements().Single();

    private static string Value(XElement metadata, string name) => metadata.Elements().Single(element => element.Name.LocalName == name).Value;

    private static string[] Documented(byte[] xml) =>
        [.. XDocument.Load(new MemoryStream(xml)).Descendants("member").Select(member => member.Attribute("name")!.Value)];

    /// <summary>Whether a type is public, or a type has a visible member of this name.</summary>
    private static bool CanBeNamed(string documented)
    {
        const BindingFlags Any =
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;
        string name = documented[2..].Split('(')[0];
        if (documented[0] == 'T')
        {
            return Type(name) is { IsVisible: true };
        }

        int dot = name.LastIndexOf('.');
        string member = Regex.Replace(name[(dot + 1)..], "``[0-9]+$|~.*$", "").Replace('#', '.');
        return Type(name[..dot]) is { IsVisible: true } type
            && type.GetMember(member, Any).Any(found => found switch
            {
                MethodBase method => IsVisible(method),
                PropertyInfo property => property.GetAccessors(nonPublic: true).Any(IsVisible),
                FieldInfo field => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly,
                _ => false,
            });

        static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;
    }

    // A nested type is written with a dot in the documentation and with a plus in metadata.
    private static Type? Type(string name)
    {
        for (; ; )
        {
            if (typeof(Network).Assembly.GetType(name) is { } type)
            {
                return type;
            }

            int dot = name.LastIndexOf('.');
            if (dot < 0)
            {
                return null;
            }

            name = $"{name[..dot]}+{name[(dot + 1)..]}";
        }
    }

    private static void RequireNativeTools()
    {
        Tools.Require("clang", "clang");
        Tools.Require("nm", "binutils");
        if (!File.Exists("/usr/include/zlib.h"))
        {
            throw Tools.Missing("zlib.h", "zlib1g-dev");
        }
    }

    // One of the programs whose sizes docs/aot.md tells, as a project of its own that knows only the package.
    private string Publish(string name, params ReadOnlySpan<(string, string)> properties)
    {
        string program = File.ReadAllText(Path.Combine(Repository.Root, "bench", "aot", "Sizes", name + ".cs"));
        string project = packages.Project(
            name,
            "net9.0",
            program,
            [
                ("PublishAot", "true"),
                ("RuntimeIdentifier", RuntimeInformation.RuntimeIdentifier),
                ("InvariantGlobalization", "true"),
                ("EmbeddedBackpropProcessors", "all"),
                .. properties,
            ]);
        string output = Path.Combine(project, "out");
        string log = LocalPackages.Dotnet(project, "publish", "-c", "Release", "--no-restore", "-o", output);
        Assert.That(log, Does.Not.Contain("warning"), "trim and AOT warnings");
        return output;
    }

    private static string Symbols(string folder, string name) => Tools.RunChecked(folder, "nm", name + ".dbg");
}
