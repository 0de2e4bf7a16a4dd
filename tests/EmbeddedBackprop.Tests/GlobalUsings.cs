// The namespaces that about half of the test files or more use.
global using EmbeddedBackprop.Graphs;
global using EmbeddedBackprop.Kernels;
global using EmbeddedBackprop.Tests.Support;
global using NUnit.Framework;
