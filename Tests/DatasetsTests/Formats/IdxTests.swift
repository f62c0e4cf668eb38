import DitherBasics
import DitherDatasets
import DitherTensor
import Testing

@Suite("MNIST's and CIFAR-10's files")
struct IdxTests {
  @Test("every rank, packed or not", arguments: [[4], [2, 2], [1, 2, 2], [1, 1, 2, 2], [0], [3, 0]])
  func reads(_ extents: [Int]) throws {
    let data = Array([1, 2, 3, 255].prefix(extents.reduce(1, *))) as [UInt8]
    let file = Written.idx(extents, data)
    let idx = try Idx(file, at: "x")
    #expect(idx.shape == Shape(extents) && idx.bytes == data)
    #expect(try Idx(Gzip.unpack(Written.gzip(file), at: "x"), at: "x") == idx)
  }

  @Test(
    "IDX refused",
    arguments: [
      ([], .malformed), ([0, 0, 8], .malformed), ([1, 0, 8, 1, 0, 0, 0, 0], .malformed),
      ([0, 0, 13, 1, 0, 0, 0, 0], .malformed), ([0, 0, 8, 0], .malformed), ([0, 0, 8, 5], .malformed),
      ([0, 0, 8, 2, 0, 0, 0, 1], .truncated), (Written.idx([4], [1, 2, 3]), .truncated),
      (Written.idx([4], [1, 2, 3, 4, 5]), .truncated),
      (Written.idx([0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], []), .truncated),
    ] as [([UInt8], DatasetFault)])
  func refuses(_ file: [UInt8], _ fault: DatasetFault) { expectFault(fault, says: "x") { _ = try Idx(file, at: "x") } }

  @Test("CIFAR-10's records")
  func cifar() throws {
    let pixels = Written.noise(2 * CifarBin.pixels)
    let first = [9] + pixels[..<CifarBin.pixels], second = [0] + pixels[CifarBin.pixels...]
    let bin = try CifarBin(Array(first + second), at: "x")
    #expect(bin.labels == [9, 0] && bin.bytes == pixels)
    expectFault(.truncated) { _ = try CifarBin([], at: "x") }
    expectFault(.truncated, says: "3072 over") { _ = try CifarBin(Array((first + second).dropLast()), at: "x") }
    expectFault(.truncated, says: "1 over") { _ = try CifarBin(Array(first) + [1], at: "x") }
    expectFault(.malformed, says: "record 1") { _ = try CifarBin(Array(first) + [10] + pixels.prefix(3072), at: "x") }
  }
}
