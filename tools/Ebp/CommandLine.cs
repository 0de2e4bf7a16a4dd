using System.CommandLine;
using System.CommandLine.Parsing;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Tools.Commands;

namespace EmbeddedBackprop.Tools;

/// <summary>The verbs. Here alone an exception becomes a line and an exit code.</summary>
internal static class CommandLine
{
    public static int Run(string[] arguments)
    {
        RootCommand root = new("ebp trains small neural networks, judges them, and exports them as C for microcontrollers.")
        {
            TrainCommand.Create(),
            NewCommand.Create(),
            QuantizeCommand.Create(),
            EvalCommand.Create(),
            PredictCommand.Create(),
            PlanCommand.Create(),
            GradcheckCommand.Create(),
            CompareCommand.Create(),
            DoctorCommand.Create(),
            ExplainCommand.Create(),
            FeaturesCommand.Create(),
            ExportCommand.Create(),
            ImportCommand.Create(),
        };

        // "@" begins no response file here: column names and labels may begin with it.
        ParseResult parsed = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
        {
            // "Required command was not provided" comes first even where a word was given that is none.
            string word =
                parsed.UnmatchedTokens.Count > 0 ? $"unrecognized command or argument '{parsed.UnmatchedTokens[0]}'" : parsed.Errors[0].Message;
            return Fail(ExitCode.Usage, $"{word.TrimEnd('.')} ({Help(parsed)})");
        }

        if (Processor.Hint is { } hint && parsed.CommandResult.Command.Name is "train" or "plan")
        {
            Console.Error.WriteLine($"ebp: {hint}");
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (ToolException exception)
        {
            return Fail(exception.ExitCode, exception.Message);
        }
        catch (DataFormatException exception)
        {
            return Fail(ExitCode.BadInput, exception.Message);
        }
        catch (NotFiniteNumberException exception)
        {
            return Fail(ExitCode.CheckFailed, exception.Message);
        }
        catch (TypeInitializationException exception) when (exception.InnerException is PlatformNotSupportedException cause)
        {
            // EBP_TILE asks for registers that the processor does not have.
            return Fail(ExitCode.Usage, cause.Message);
        }
        catch (Exception exception) when (exception is OutOfMemoryException or OverflowException)
        {
            return Fail(ExitCode.Usage, "the network does not fit into memory: fewer or smaller --layers, or a smaller --batch");
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException or PlatformNotSupportedException)
        {
            return Fail(ExitCode.Usage, exception.Message);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return Fail(ExitCode.BadInput, exception.Message);
        }
        catch (Exception exception)
        {
            // A fault of ours: still one line, naming the exception.
            return Fail(ExitCode.CheckFailed, $"unexpected {exception.GetType().Name}: {exception.Message}");
        }
    }

    private static int Fail(int code, string message)
    {
        // The framework adds the parameter's name and the value on further lines.
        int cut = message.IndexOf(" (Parameter '", StringComparison.Ordinal);
        string line = cut >= 0 ? message[..cut] : message;
        Console.Error.WriteLine($"ebp: {line.ReplaceLineEndings(" ").Trim()}");
        return code;
    }

    private static string Help(ParseResult parsed)
    {
        List<string> words = [];
        for (SymbolResult? result = parsed.CommandResult; result is CommandResult command; result = result.Parent)
        {
            if (result.Parent is not null)
            {
                words.Insert(0, command.Command.Name);
            }
        }

        return string.Join(' ', ["ebp", .. words, "--help"]);
    }
}
