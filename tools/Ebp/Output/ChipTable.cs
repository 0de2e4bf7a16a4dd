using System.Globalization;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Output;

/// <summary>ebp plan of a quantised model: what its C costs on processors, and where the float network takes fewer instructions.</summary>
internal sealed class ChipTable
{
    private static readonly string[] Names = ["cortex-m0", "cortex-m3", "cortex-m4f", "cortex-m7", "cortex-m33", "rv32imac", "avr"];

    private readonly List<Chip> chips = [];

    /// <param name="network">The quantised network.</param>
    /// <param name="floats">The network that it was made of.</param>
    public ChipTable(Network network, Network floats)
    {
        foreach (CTarget target in Names.Select(name => CTarget.Find(name)!))
        {
            CCost? own = Cost(network, target, out string refusal);
            // Where floats are computed in software, they are hundreds of times slower or not computed at all.
            chips.Add(new Chip(target, own, refusal, target.HasFusedInstruction ? Cost(floats, target, out _) : null));
        }
    }

    private sealed record Chip(CTarget Target, CCost? Cost, string Refusal, CCost? Floats);

    /// <summary>Where a network of floats takes fewer instructions, in a sentence; empty where it does not.</summary>
    public static string Faster(string chips, CCost integers, CCost? floats) =>
        floats is null || floats.Instructions == 0 || floats.Instructions >= integers.Instructions ? ""
            : string.Create(
                CultureInfo.InvariantCulture,
                $"Floats take {floats.Instructions:N0} instructions on {chips}, "
                + $"{floats.Instructions / (double)integers.Instructions:F2} of the integers', "
                + $"and {floats.FlashBytes:N0} bytes of flash, {floats.RamBytes:N0} of RAM: where these fit, export the float model.\n");

    public string Text()
    {
        StringBuilder text = new();
        if (chips.Find(chip => chip.Cost is not null)?.Cost is { } any)
        {
            text.Append("\nExported as C (ebp export c), by the type of what a step computes:\n");
            text.Append(CultureInfo.InvariantCulture, $"{"type",-8}{"steps",6}{"table bytes",14}{"multiply-adds",16}\n");
            foreach ((string type, int steps, long bytes, long products, _) in any.Types)
            {
                text.Append(CultureInfo.InvariantCulture, $"{type,-8}{steps,6}{bytes,14:N0}{products,16:N0}\n");
            }
        }

        text.Append("\nTables and RAM are exact; code and instructions (on AVR cycles) are estimated for gcc -Os; in and out are the caller's.\n");
        text.Append(
            CultureInfo.InvariantCulture,
            $"{"chip",-12}{"flash: tables",14}{"+ code",9}{"RAM",9}{"of it scratch",15}{"+ stack",9}{"+ in, out",11}{"instructions",14}\n");
        foreach (Chip chip in chips)
        {
            text.Append(chip.Cost is not { } cost ? $"{chip.Target.Name,-12}  {chip.Refusal}\n" : string.Create(
                CultureInfo.InvariantCulture,
                $"{chip.Target.Name,-12}{cost.TableBytes,14:N0}{cost.CodeBytes,9:N0}{cost.RamBytes,9:N0}{cost.ScratchBytes,15:N0}"
                + $"{cost.StackBytes,9:N0}{cost.EndBytes,11:N0}{Instructions(cost),14}\n"));
        }

        foreach (IGrouping<(long, long), Chip> alike in chips
            .Where(chip => chip is { Cost: not null, Floats: not null })
            .GroupBy(chip => (chip.Cost!.Instructions, chip.Floats!.Instructions)))
        {
            text.Append(Faster(string.Join(", ", alike.Select(chip => chip.Target.Name)), alike.First().Cost!, alike.First().Floats));
        }

        return text.ToString();
    }

    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("types");
        foreach ((string type, int steps, long bytes, long products, _) in chips.Find(chip => chip.Cost is not null)?.Cost?.Types ?? [])
        {
            writer.WriteStartObject();
            writer.WriteString("type", type);
            writer.WriteNumber("steps", steps);
            writer.WriteNumber("table_bytes", bytes);
            writer.WriteNumber("multiply_adds", products);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("targets");
        foreach (Chip chip in chips)
        {
            writer.WriteStartObject();
            writer.WriteString("name", chip.Target.Name);
            if (chip.Cost is { } cost)
            {
                writer.WriteNumber("table_bytes", cost.TableBytes);
                writer.WriteNumber("code_bytes", cost.CodeBytes);
                writer.WriteNumber("ram_bytes", cost.RamBytes);
                writer.WriteNumber("scratch_bytes", cost.ScratchBytes);
                writer.WriteNumber("stack_bytes", cost.StackBytes);
                writer.WriteNumber("end_bytes", cost.EndBytes);
                writer.WriteNumber("instructions", cost.Instructions);
                if (chip.Floats is { } floats)
                {
                    writer.WriteNumber("float_instructions", floats.Instructions);
                }
            }
            else
            {
                writer.WriteString("refusal", chip.Refusal);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static string Instructions(CCost cost) =>
        cost.Instructions == 0 ? "not counted" : cost.Instructions.ToString("N0", CultureInfo.InvariantCulture);

    private static CCost? Cost(Network network, CTarget target, out string refusal)
    {
        try
        {
            refusal = "";
            CExportOptions options = new() { Target = target, Arithmetic = Arithmetic(target) };
            return CCost.Of(network.InferencePlan, network.Parameters, options, network.State);
        }
        catch (NotSupportedException exception)
        {
            refusal = exception.Message;
            return null;
        }
    }

    /// <summary>The float ops of a network have the arithmetic that is quick on the processor.</summary>
    private static Kernels.Arithmetic Arithmetic(CTarget target) =>
        target.HasFusedInstruction ? Kernels.Arithmetic.Fused : Kernels.Arithmetic.Separate;
}
