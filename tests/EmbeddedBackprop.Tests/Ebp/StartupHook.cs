using System.Reflection;
using System.Text;

/// <summary>
/// The runtime calls this before the tool's own Main where DOTNET_STARTUP_HOOKS names this assembly: the process then runs one command line after
/// another. What one command had compiled is there for the next: two thirds of a short command are compilation.
/// </summary>
/// <remarks>A request is a byte, the folder, the standard input and the arguments; an answer the exit code, the output and the errors.</remarks>
internal static class StartupHook
{
    /// <summary>Runs the commands that come in on standard input, and ends with it.</summary>
    public static void Initialize()
    {
        using BinaryReader requests = new(Console.OpenStandardInput(), Encoding.UTF8);
        using BinaryWriter answers = new(Console.OpenStandardOutput(), Encoding.UTF8);
        MethodInfo main = Assembly.LoadFrom(Environment.GetCommandLineArgs()[0]).EntryPoint!;
        while (requests.BaseStream.ReadByte() >= 0)
        {
            Environment.CurrentDirectory = requests.ReadString();
            using StringReader input = new(requests.ReadString());
            string[] arguments = new string[requests.ReadInt32()];
            for (int i = 0; i < arguments.Length; i++)
            {
                arguments[i] = requests.ReadString();
            }

            using StringWriter output = new(), errors = new();
            Console.SetIn(input);
            Console.SetOut(output);
            Console.SetError(errors);
            answers.Write((int)main.Invoke(null, BindingFlags.DoNotWrapExceptions, null, [arguments], null)!);
            answers.Write(output.ToString());
            answers.Write(errors.ToString());
            answers.Flush();
        }

        Environment.Exit(0);
    }
}
