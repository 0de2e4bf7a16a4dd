namespace EmbeddedBackprop.Tests.Support;

/// <summary>Real data sets: in the folder that EBP_DATA names, or the test is ignored (failed under EBP_REQUIRE_DATA=1).</summary>
internal static class RealData
{
    /// <summary>The full path of a file or folder of the data folder; ends the test if it is not there.</summary>
    public static string Path(params string[] parts)
    {
        string? folder = Environment.GetEnvironmentVariable("EBP_DATA");
        if (string.IsNullOrEmpty(folder))
        {
            throw Missing("EBP_DATA does not name a folder with the real data sets");
        }

        string path = System.IO.Path.Combine([folder, .. parts]);
        if (!File.Exists(path) && !Directory.Exists(path))
        {
            throw Missing($"'{path}' does not exist");
        }

        return path;
    }

    private static InvalidOperationException Missing(string what)
    {
        if (Environment.GetEnvironmentVariable("EBP_REQUIRE_DATA") == "1")
        {
            Assert.Fail(what);
        }

        Assert.Ignore(what);
        return new InvalidOperationException(what);
    }
}
