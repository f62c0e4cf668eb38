import DitherBasics
import DitherDatasets
import DitherTensor
import Testing

@Suite("NumPy's files")
struct NpyTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let type: String
    let data: [UInt8]
    let content: Npy.Content
    var testDescription: String { type }
  }

  @Test(
    "every type that is taken",
    arguments: [
      Row(type: "<f4", data: Written.raw([1.5, -2] as [Float]), content: .float32([1.5, -2])),
      Row(type: "<f8", data: Written.raw([1.5, -2] as [Double]), content: .float64([1.5, -2])),
      Row(type: "<i8", data: Written.raw([Int64.min, 7]), content: .int64([.min, 7])),
      Row(type: "<i4", data: Written.raw([Int32.min, 7]), content: .int32([.min, 7])),
      Row(type: "<i2", data: Written.raw([Int16.min, 7]), content: .int32([-32768, 7])),
      Row(type: "|i1", data: [0x80, 7], content: .int32([-128, 7])),
      Row(type: "|u1", data: [0x80, 7], content: .uint8([128, 7])),
      Row(type: "|b1", data: [0, 1], content: .bool([false, true])),
    ])
  func types(_ row: Row) throws {
    for version in UInt8(1)...3 {
      let npy = try Npy(Written.npy("'\(row.type)'", "(2,)", row.data, version: version))
      #expect(npy == Npy([2], row.content))
      #expect(npy.tensor.shape == [2] && npy.tensor.elements == npy.numbers.map(Float.init))
    }
  }

  @Test(
    "what is written is read",
    arguments: [
      Npy([], .float32([3])), Npy([0], .float32([])), Npy([2, 0, 3], .float64([])), Npy([3], .int64([1, 2, 3])),
      Npy([2, 2], .uint8([1, 2, 3, 4])), Npy([1, 1, 2], .bool([true, false])), Npy([2], .int32([-1, 1])),
    ])
  func roundTrip(_ npy: Npy) throws {
    let bytes = npy.bytes
    #expect(try Npy(bytes) == npy)
    #expect((10 + Int(bytes[8]) + Int(bytes[9]) << 8) % 64 == 0)
  }

  @Test("Fortran order is taken where it means nothing")
  func order() throws {
    #expect(try Npy(Written.npy("'|u1'", "(2,)", [1, 2], fortran: true)).content == .uint8([1, 2]))
    #expect(try Npy(Written.npy("'|u1'", "()", [1], fortran: true)).shape == [])
    expectFault(.unsupported, says: "ascontiguousarray") {
      _ = try Npy(Written.npy("'|u1'", "(2, 2)", [1, 2, 3, 4], fortran: true))
    }
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let fault: DatasetFault
    init(_ name: String, _ bytes: [UInt8], _ fault: DatasetFault) {
      (testDescription, self.bytes, self.fault) = (name, bytes, fault)
    }
  }

  static let whole = Written.npy("'<f4'", "(2, 3)", [UInt8](repeating: 0, count: 24))

  @Test(
    "refused",
    arguments: [
      Refusal("nothing", [], .malformed),
      Refusal("another magic number", Array("NUMPY.......".utf8), .malformed),
      Refusal("version 0", Written.npy("'<f4'", "()", [0, 0, 0, 0], version: 0), .unsupported),
      Refusal("version 4", Written.npy("'<f4'", "()", [0, 0, 0, 0], version: 4), .unsupported),
      Refusal("cut in the magic number", Array(whole[..<7]), .malformed),
      Refusal("cut before the header", Array(whole[..<11]), .truncated),
      Refusal("cut in the header", Array(whole[..<40]), .truncated),
      Refusal("cut in the data", Array(whole.dropLast()), .truncated),
      Refusal("too much data", whole + [0], .truncated),
      Refusal("a header of 4 GiB", Array(whole[..<6]) + [2, 0, 255, 255, 255, 255, 0, 0], .truncated),
      Refusal("no shape", Written.npy(header: "{'descr': '<f4', 'fortran_order': False}\n", []), .malformed),
      Refusal("a negative extent", Written.npy("'<f4'", "(-1,)", []), .malformed),
      Refusal("an extent beyond 64 bits", Written.npy("'<f4'", "(99999999999999999999,)", []), .tooLarge),
      Refusal("a product beyond 64 bits", Written.npy("'<f4'", "(4294967296, 4294967296, 2)", []), .tooLarge),
      Refusal("more elements than are taken", Written.npy("'|u1'", "(4294967296,)", []), .tooLarge),
      Refusal("nine axes", Written.npy("'|u1'", "(1, 1, 1, 1, 1, 1, 1, 1, 1)", [0]), .tooLarge),
      Refusal("data absent", Written.npy("'<f8'", "(1000000000,)", []), .truncated),
      Refusal("big-endian", Written.npy("'>f4'", "(1,)", [0, 0, 0, 0]), .unsupported),
      Refusal("half", Written.npy("'<f2'", "(1,)", [0, 0]), .unsupported),
      Refusal("text", Written.npy("'<U1'", "(1,)", [0, 0, 0, 0]), .unsupported),
      Refusal("pickled objects", Written.npy("'|O'", "(1,)", [0x80, 4, 0x2E]), .unsupported),
      Refusal("records", Written.npy("[('a', '<f4')]", "(1,)", [0, 0, 0, 0]), .unsupported),
    ])
  func refuses(_ refusal: Refusal) { expectFault(refusal.fault) { _ = try Npy(refusal.bytes) } }

  @Test("labels must be whole")
  func integers() throws {
    #expect(try Npy([2], .float32([1, -2])).integers() == [1, -2])
    for value in [0.5, .nan, .infinity, 1e300] {
      expectFault(.unsupported) { _ = try Npy([1], .float64([value])).integers() }
    }
  }
}
