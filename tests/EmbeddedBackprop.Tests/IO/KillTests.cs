using System.Diagnostics;
using System.Globalization;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>A process killed at any time neither tears a checkpoint nor loses one that it acknowledged.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class KillTests
{
    private string _folder = "";
    private int _kills, _acknowledged, _torn, _lost, _step;

    [SetUp]
    public void CreateFolder()
    {
        _folder = Directory.CreateTempSubdirectory("ebp-kill-").FullName;
        (_kills, _acknowledged, _torn, _lost, _step) = (0, 0, 0, 0, 1);
    }

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Atomic_writes_survive_kills()
    {
        int kills = Effort.Of(12, 200, 2000);
        while (_kills < kills)
        {
            Kill("atomic");
        }

        Report("atomic");
        Assert.That(_torn, Is.Zero, "torn");
        Assert.That(_lost, Is.Zero, "acknowledged checkpoints lost");
        Assert.That(_acknowledged, Is.GreaterThanOrEqualTo(kills), "acknowledged");
        // Each writer removes what the one before it left; only the last one's may be there.
        Assert.That(Directory.GetFiles(_folder), Has.Length.LessThanOrEqualTo(2));
    }

    /// <summary>The control: the same kills must tear a file that is written in place.</summary>
    [Test]
    public void Plain_writes_are_torn_by_the_same_kills()
    {
        while (_torn == 0 && _kills < 100)
        {
            Kill("plain");
        }

        Report("plain");
        Assert.That(_torn, Is.GreaterThan(0));
    }

    private void Kill(string how)
    {
        string path = Path.Combine(_folder, "checkpoint.safetensors");
        Random random = new(_kills++);
        using Process process = ChildProcess.Start("write-checkpoints", how, path, _step.ToString(CultureInfo.InvariantCulture));
        // The process is let run until its first acknowledgement, and then a little: it is killed at any point of a write. Every second time its own
        // processor time counts: on a busy machine it may not run at all in so short a while.
        int acknowledged = int.Parse(process.StandardOutput.ReadLine() ?? "0", CultureInfo.InvariantCulture);
        Assert.That(acknowledged, Is.EqualTo(_step), "the process did not come to its first checkpoint");
        TimeSpan delay = TimeSpan.FromMilliseconds(random.NextDouble() * 30), before = process.TotalProcessorTime, used = TimeSpan.Zero;
        for (long begin = Stopwatch.GetTimestamp(); used < delay && Stopwatch.GetElapsedTime(begin) < TimeSpan.FromSeconds(10);)
        {
            Thread.Sleep(0);
            process.Refresh();
            used = _kills % 2 == 0 ? process.TotalProcessorTime - before : Stopwatch.GetElapsedTime(begin);
        }

        process.Kill();
        process.WaitForExit();
        int first = acknowledged;
        while (process.StandardOutput.ReadLine() is { Length: > 0 } line)
        {
            acknowledged = int.Parse(line, CultureInfo.InvariantCulture);
        }

        _acknowledged += acknowledged - first + 1;
        _step = acknowledged + 1;
        try
        {
            int step = CheckpointWriter.StepOf(path);
            if (step < acknowledged)
            {
                _lost++;
            }

            _step = Math.Max(step, acknowledged) + 1;
        }
        catch (DataFormatException)
        {
            _torn++;
        }
    }

    private void Report(string how) => TestContext.Out.WriteLine(
        $"{how}: {_kills} kills, {_acknowledged} acknowledged, {_torn} torn, {_lost} lost");
}
