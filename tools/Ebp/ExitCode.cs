namespace EmbeddedBackprop.Tools;

/// <summary>The exit code of the process.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>The command ran, and its check failed.</summary>
    public const int CheckFailed = 1;

    /// <summary>The command line asks for something that does not exist or does not fit together.</summary>
    public const int Usage = 2;

    /// <summary>A file is missing, damaged, or holds what it should not.</summary>
    public const int BadInput = 3;

    public const int CannotWrite = 4;

    /// <summary>Ctrl+C, as shells report it.</summary>
    public const int Interrupted = 130;
}
