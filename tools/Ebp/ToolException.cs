namespace EmbeddedBackprop.Tools;

/// <summary>Ends the command with one line on standard error and an exit code.</summary>
internal sealed class ToolException(int exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    public int ExitCode { get; } = exitCode;

    public static ToolException Usage(string message) => new(Tools.ExitCode.Usage, message);

    public static ToolException BadInput(string message, Exception? inner = null) => new(Tools.ExitCode.BadInput, message, inner);

    public static ToolException CannotWrite(string message, Exception? inner = null) => new(Tools.ExitCode.CannotWrite, message, inner);
}
