using System.Globalization;

namespace EmbeddedBackprop.Data;

/// <summary>A time in a table: a number of any unit, or a date with a time as in 2015-02-04 17:51:00, in seconds.</summary>
internal static class CsvTime
{
    /// <summary>Reads a number, or yyyy-MM-dd HH:mm with optional :ss and fractions, T instead of the space, and a Z at the end.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out double time, out bool isDate)
    {
        isDate = false;
        if (double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out time))
        {
            return double.IsFinite(time) && !text.Contains((byte)0);
        }

        isDate = true;
        if (text.Length > 0 && text[^1] == (byte)'Z')
        {
            text = text[..^1];
        }

        const int Minutes = 16;
        if (text.Length < Minutes || text[4] != '-' || text[7] != '-' || text[10] is not ((byte)' ' or (byte)'T') || text[13] != ':'
            || !Digits(text[..4], out int year) || !Digits(text.Slice(5, 2), out int month) || !Digits(text.Slice(8, 2), out int day)
            || !Digits(text.Slice(11, 2), out int hour) || !Digits(text.Slice(14, 2), out int minute)
            || year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59)
        {
            return false;
        }

        double seconds = 0;
        ReadOnlySpan<byte> rest = text[Minutes..];
        if (rest.Length > 0 && (rest.Length < 3 || rest[0] != ':' || rest[1] is < (byte)'0' or > (byte)'5' || !double.TryParse(
            rest[1..], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out seconds) || rest[^1] is < (byte)'0' or > (byte)'9'))
        {
            return false;
        }

        time = ((new DateTime(year, month, day, hour, minute, 0).Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerSecond) + seconds;
        return seconds < 60;
    }

    private static bool Digits(ReadOnlySpan<byte> text, out int value)
    {
        value = 0;
        return !text.ContainsAnyExceptInRange((byte)'0', (byte)'9') && int.TryParse(text, CultureInfo.InvariantCulture, out value);
    }
}
