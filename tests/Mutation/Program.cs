using System.Diagnostics;
using System.Globalization;

namespace EmbeddedBackprop.Mutation;

/// <summary>
/// <c>AREA [COUNT] [again]</c>: draws COUNT mutants of an area, judges those that have no verdict yet, and prints how many are killed and which
/// survive. With <c>again</c>, survivors are judged again. <c>AREA COUNT judge</c> is a process that judges.
/// </summary>
internal static class Program
{
    private const int Seed = 13;

    public static int Main(string[] arguments)
    {
        if (arguments.Length == 0 || !Area.All.TryGetValue(arguments[0], out Area? area))
        {
            Console.WriteLine($"AREA [COUNT] [again], AREA one of {string.Join(", ", Area.All.Keys)}");
            return 1;
        }

        string name = arguments[0];
        int most = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : int.MaxValue;
        string option = arguments.Length > 2 ? arguments[2] : "";
        if (option == "judge")
        {
            new Judge(new(Path.Combine(AppContext.BaseDirectory, ".."))).Run(area, most);
            return 0;
        }

        string folder = Path.Combine(AppContext.BaseDirectory, "..", "mutated", name);
        string program = Path.Combine(folder, "program");
        Copy(AppContext.BaseDirectory, program);
        MutatedLibrary library = MutatedLibrary.Build(
            Path.Combine(Root(), "src", "EmbeddedBackprop"), area.Contains, Path.Combine(program, "EmbeddedBackprop.dll"));
        Console.WriteLine($"{name}: {library.Mutants.Count} mutants, {library.NotCompiled} more do not compile");
        Mutant[] drawn = [.. library.Mutants];
        new Random(Seed).Shuffle(drawn);
        JudgeFiles files = new(folder);
        files.Start(drawn);
        string compiled = Path.Combine(folder, "compiled");
        if (Directory.Exists(compiled))
        {
            Directory.Delete(compiled, recursive: true);
        }

        Directory.CreateDirectory(compiled);
        if (option == "again")
        {
            files.ForgetVerdicts(verdict => !verdict.StartsWith("killed", StringComparison.Ordinal));
        }

        while (!Judged(program, name, most, files, compiled))
        {
        }

        Print(files);
        return 0;
    }

    // False when a mutant ended the process, or was ended with it and all that it had started.
    private static bool Judged(string program, string area, int most, JudgeFiles files, string compiled)
    {
        files.Current = -1;
        files.Deadline = DateTime.MaxValue;
        ProcessStartInfo start =
            new("dotnet", [Path.Combine(program, "Mutation.dll"), area, most.ToString(CultureInfo.InvariantCulture), "judge"]);
        start.Environment["PATH"] = Path.Combine(program, "compilers") + Path.PathSeparator + Environment.GetEnvironmentVariable("PATH");
        start.Environment["EBP_COMPILED"] = compiled;
        using Process judge = Process.Start(start)!;
        bool isLate = false;
        while (!judge.WaitForExit(500))
        {
            if (!isLate && DateTime.UtcNow > files.Deadline)
            {
                isLate = true;
                judge.Kill(entireProcessTree: true);
            }
        }

        if (judge.ExitCode == 0)
        {
            return true;
        }

        int current = files.Current;
        if (current < 0)
        {
            throw new InvalidOperationException("The judge ended before its first mutant.");
        }

        if (!files.Verdicts().ContainsKey(current))
        {
            files.Add(current, isLate ? "killed by its time" : "killed by its crash");
        }

        return false;
    }

    private static void Print(JudgeFiles files)
    {
        Dictionary<int, string> verdicts = files.Verdicts();
        var judged = files.Mutants().Where(mutant => verdicts.ContainsKey(mutant.Id))
            .Select(mutant => (Mutant: mutant, Verdict: verdicts[mutant.Id]))
            .Where(one => one.Verdict != "once")
            .OrderBy(one => one.Mutant.File, StringComparer.Ordinal).ThenBy(one => one.Mutant.Line)
            .ToArray();
        foreach ((Mutant mutant, string verdict) in judged.Where(one => !IsKilled(one.Verdict)))
        {
            Console.WriteLine($"{mutant.File}:{mutant.Line} {verdict}: {mutant.Before} => {mutant.After}");
        }

        Console.WriteLine();
        foreach (var file in judged.GroupBy(one => one.Mutant.File).Append(judged.GroupBy(_ => "all").Single()))
        {
            int killed = file.Count(one => IsKilled(one.Verdict));
            int unreached = file.Count(one => one.Verdict == "not reached");
            double share = 100.0 * killed / file.Count();
            Console.WriteLine($"{file.Key,-40} {killed,4} of {file.Count(),4} killed ({share,5:F1} %), {unreached} not reached");
        }
    }

    private static bool IsKilled(string verdict) => verdict.StartsWith("killed", StringComparison.Ordinal);

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target, overwrite: true);
        }
    }

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "EmbeddedBackprop.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("The program runs in the repository.");
    }
}
