using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>
/// A number of rows or of vectors that the compiler knows, so that one method gives every size of tile: the size of the struct in bytes.
/// sizeof(T) is a constant before anything is inlined; a property would be one more call to inline at each of a tile's 200 uses, and compilers give
/// up before that (the ahead-of-time compiler of .NET 9 does: its tiles were six times slower).
/// </summary>
internal interface ITileSize;

[StructLayout(LayoutKind.Sequential, Size = 1)]
internal readonly struct One : ITileSize;

[StructLayout(LayoutKind.Sequential, Size = 2)]
internal readonly struct Two : ITileSize;

[StructLayout(LayoutKind.Sequential, Size = 3)]
internal readonly struct Three : ITileSize;

[StructLayout(LayoutKind.Sequential, Size = 4)]
internal readonly struct Four : ITileSize;

[StructLayout(LayoutKind.Sequential, Size = 5)]
internal readonly struct Five : ITileSize;

[StructLayout(LayoutKind.Sequential, Size = 6)]
internal readonly struct Six : ITileSize;

[StructLayout(LayoutKind.Sequential, Size = 7)]
internal readonly struct Seven : ITileSize;

[StructLayout(LayoutKind.Sequential, Size = 8)]
internal readonly struct Eight : ITileSize;

[StructLayout(LayoutKind.Sequential, Size = 9)]
internal readonly struct Nine : ITileSize;

[StructLayout(LayoutKind.Sequential, Size = 10)]
internal readonly struct Ten : ITileSize;

[StructLayout(LayoutKind.Sequential, Size = 11)]
internal readonly struct Eleven : ITileSize;

[StructLayout(LayoutKind.Sequential, Size = 12)]
internal readonly struct Twelve : ITileSize;

[StructLayout(LayoutKind.Sequential, Size = 16)]
internal readonly struct Sixteen : ITileSize;
