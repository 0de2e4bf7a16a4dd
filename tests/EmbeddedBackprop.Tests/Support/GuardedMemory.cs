using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Tests.Support;

/// <summary>
/// Floats between two pages that may not be touched: a read or write outside ends the process at once, whatever would have come of it.
/// Run kernels on it in a child process, so that the test can tell.
/// </summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;
    private static readonly int Page = Environment.SystemPageSize;
    private readonly byte* start;
    private readonly nuint inner;

    /// <summary>Room for at least that many floats; one side at a time touches its guard.</summary>
    public GuardedMemory(int floats)
    {
        inner = (nuint)(((floats * sizeof(float)) + Page) / Page * Page);
        nuint whole = inner + (2 * (nuint)Page);
        start = (byte*)Map(null, whole, ReadWrite, PrivateAnonymous, -1, 0);
        if (start == (byte*)-1 || Protect(start, (nuint)Page, 0) != 0 || Protect(start + whole - Page, (nuint)Page, 0) != 0)
        {
            throw new InvalidOperationException("the operating system gave no guarded pages");
        }
    }

    /// <summary>Guard pages are asked of the system by mmap: Linux on 64 bits.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux() && Environment.Is64BitProcess;

    /// <summary>A copy of the source whose last float is followed by the guard, or whose first is preceded by it.</summary>
    public Span<float> Copy(ReadOnlySpan<float> source, bool atEnd)
    {
        Span<float> span = new(atEnd ? start + Page + inner - (source.Length * sizeof(float)) : start + Page, source.Length);
        source.CopyTo(span);
        return span;
    }

    public void Dispose() => _ = Unmap(start, inner + (2 * (nuint)Page));

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
