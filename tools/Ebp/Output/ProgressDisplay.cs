using System.Diagnostics;
using System.Globalization;
using EmbeddedBackprop.Training;
using Spectre.Console;

namespace EmbeddedBackprop.Tools.Output;

/// <summary>
/// Shows training on standard error: one line per epoch, and on a terminal a line below that moves. The training thread only stores
/// numbers; a timer's thread reads and draws them, so that showing costs no training time and no memory of the training thread.
/// </summary>
internal sealed class ProgressDisplay : IDisposable
{
    private static readonly TimeSpan LiveInterval = TimeSpan.FromMilliseconds(120);
    private static readonly TimeSpan LineInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(10);

    private readonly Lock drawing = new();
    private readonly IAnsiConsole console;
    private readonly bool live;
    private readonly int epochs;
    private readonly int width;
    private readonly Timer timer;
    private readonly string caption;
    private long beganTraining;
    private double secondsBefore;
    private long samplesBefore;
    private int epochsBefore;
    private int epoch;
    private int samples;
    private int count;
    private double loss;
    private double accuracy;
    private bool drawn;
    private long lastLine;
    private string? waiting;
    private bool running;

    public ProgressDisplay(int epochs, string caption = "")
    {
        this.epochs = epochs;
        this.caption = caption;
        live = !Console.IsErrorRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
            && Environment.GetEnvironmentVariable("TERM") is not (null or "dumb");
        console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(Console.Error),
            Ansi = live ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = live ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
        width = Math.Max(console.Profile.Width - 1, 20);

        // Lines that stay are broken by the terminal, not by Spectre, which would break where colours change.
        console.Profile.Width = 1000;
        TimeSpan interval = live ? LiveInterval : PlainInterval;
        timer = new Timer(_ => Draw(), null, interval, interval);
    }

    /// <summary>Called by the training thread after every update: stores numbers, nothing else.</summary>
    public void Report(TrainingProgress progress)
    {
        Volatile.Write(ref loss, progress.Loss);
        Volatile.Write(ref accuracy, progress.Accuracy);
        Volatile.Write(ref count, progress.Count);
        Volatile.Write(ref samples, progress.Samples);
    }

    /// <summary>Training of an epoch begins; called outside of the measured time.</summary>
    public void Begin(int number)
    {
        lock (drawing)
        {
            epoch = number;
            samples = 0;
            beganTraining = Stopwatch.GetTimestamp();
            running = true;
        }
    }

    /// <summary>An epoch is trained and judged.</summary>
    public void End(EpochRecord record, long samplesOfEpoch)
    {
        lock (drawing)
        {
            running = false;
            samplesBefore += samplesOfEpoch;
            secondsBefore += record.Seconds;
            epochsBefore++;

            double rate = record.Seconds > 0 ? samplesOfEpoch / record.Seconds : 0;
            double remaining = secondsBefore / epochsBefore * (epochs - record.Epoch);
            string text = string.Create(CultureInfo.InvariantCulture, $"{caption}epoch {record.Epoch,3}/{epochs}  loss {record.Loss:F5}");
            string judged = record.TestAccuracy is null
                ? string.Create(CultureInfo.InvariantCulture, $"  test loss {record.TestLoss:F5}")
                : string.Create(CultureInfo.InvariantCulture, $"  train {record.TrainAccuracy:P2}  test {record.TestAccuracy:P2}");
            string validated = record.ValidationAccuracy is { } share ? string.Create(CultureInfo.InvariantCulture, $"  validation {share:P2}")
                : record.ValidationLoss is { } value ? string.Create(CultureInfo.InvariantCulture, $"  validation loss {value:F5}")
                : "";
            string speed = string.Create(CultureInfo.InvariantCulture, $"  {rate,9:N0} samples/s  {Time(remaining)} left");
            waiting = $"{Markup.Escape(text)}[green]{Markup.Escape(judged + validated)}[/][grey]{Markup.Escape(speed)}[/]";

            // Epochs of a small table take a millisecond: ten lines a second are enough to read, the first and the last are always there.
            if (lastLine == 0 || Stopwatch.GetElapsedTime(lastLine) >= LineInterval)
            {
                lastLine = Stopwatch.GetTimestamp();
                WriteWaiting();
            }
        }
    }

    /// <summary>A line of its own, above the moving one.</summary>
    public void Note(string text)
    {
        lock (drawing)
        {
            WriteWaiting();
            Erase();
            WriteLine(Markup.Escape(text));
        }
    }

    public void Dispose()
    {
        using ManualResetEvent done = new(false);
        if (timer.Dispose(done))
        {
            done.WaitOne();
        }

        lock (drawing)
        {
            running = false;
            WriteWaiting();
            Erase();
        }
    }

    private void WriteWaiting()
    {
        if (waiting is not null)
        {
            Erase();
            WriteLine(waiting);
            waiting = null;
        }
    }

    private void Draw()
    {
        lock (drawing)
        {
            int trained = Volatile.Read(ref samples);
            int all = Volatile.Read(ref count);
            if (!running || trained == 0 || all == 0)
            {
                return;
            }

            double seconds = Stopwatch.GetElapsedTime(beganTraining).TotalSeconds;
            double rate = (samplesBefore + trained) / Math.Max(secondsBefore + seconds, 1e-9);
            double left = (all - trained + ((double)all * (epochs - epoch))) / rate;
            string text = string.Create(
                CultureInfo.InvariantCulture,
                $"{caption}epoch {epoch, 3}/{epochs}  {(double)trained / all, 4:P0}  loss {Volatile.Read(ref loss):F5}  train {Volatile.Read(ref accuracy):P2}  {rate, 9:N0} samples/s  {Time(left)} left"
            );
            if (!live)
            {
                Console.Error.WriteLine(text);
                return;
            }

            Console.Error.Write("\r" + (text.Length > width ? text[..width] : text) + "\u001b[K");
            drawn = true;
        }
    }

    private void Erase()
    {
        if (drawn)
        {
            Console.Error.Write("\r\u001b[K");
            drawn = false;
        }
    }

    private void WriteLine(string markup)
    {
        // Spectre breaks lines at the width it supposes where there is no terminal.
        if (live)
        {
            console.MarkupLine(markup);
        }
        else
        {
            Console.Error.WriteLine(Markup.Remove(markup));
        }
    }

    private static string Time(double seconds) => seconds switch
    {
        < 99.5 => string.Create(CultureInfo.InvariantCulture, $"{seconds:F0} s"),
        < 5970 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:F0} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:F1} h"),
    };
}
