using System.Collections.Concurrent;
using NUnit.Framework.Interfaces;

[assembly: EmbeddedBackprop.Tests.Support.TimeLimit]

namespace EmbeddedBackprop.Tests.Support;

/// <summary>
/// The upper limit of every test: one that does not end is named, and ends the whole run. NUnit's own limits only ask a test to stop. Processes that
/// a test started are killed long before (<see cref="ChildProcess.WaitForExit"/>).
/// </summary>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class TimeLimitAttribute : Attribute, ITestAction
{
    private static readonly TimeSpan Longest = Effort.IsLong ? TimeSpan.FromDays(1) : TimeSpan.FromMinutes(30);

    public ActionTargets Targets => ActionTargets.Test;

    public void BeforeTest(ITest test) => TimeLimit.Begin(test.Id, test.FullName, Longest);

    public void AfterTest(ITest test) => TimeLimit.End(test.Id);
}

/// <summary>Ends the process when something that began does not end.</summary>
internal static class TimeLimit
{
    private static readonly ConcurrentDictionary<string, (string Name, DateTime End)> Running = new();
    private static readonly Timer Watch = new(_ => Look(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));

    public static void Begin(string id, string name, TimeSpan longest)
    {
        Running[id] = (name, DateTime.UtcNow + longest);
        GC.KeepAlive(Watch);
    }

    public static void End(string id) => Running.TryRemove(id, out _);

    /// <summary>The control: something that does not end.</summary>
    public static void Hang()
    {
        Begin("1", "a test that ends", TimeSpan.FromSeconds(2));
        End("1");
        Begin("2", "a test that hangs", TimeSpan.FromSeconds(2));
        Thread.Sleep(Timeout.Infinite);
    }

    private static void Look()
    {
        foreach ((string name, DateTime end) in Running.Values)
        {
            if (DateTime.UtcNow > end)
            {
                Environment.FailFast($"{name} does not end: the run is ended");
            }
        }
    }
}
