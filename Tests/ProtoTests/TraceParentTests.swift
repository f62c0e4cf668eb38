import DitherProto
import Testing

@Suite("Trace context") struct TraceParentTests {
  /// The examples of the recommendation, 3.2.
  private static let example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

  @Test("the recommendation's example is read and written back")
  func example() throws {
    let place = try #require(TraceParent(Self.example, state: "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"))
    #expect(place.header == Self.example && place.isSampled && place.state == "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
    #expect(place.traceID == "4bf92f3577b34da6a3ce929d0e0e4736" && place.spanID == "00f067aa0ba902b7")
    #expect(
      place.high == 0x4bf9_2f35_77b3_4da6 && place.low == 0xa3ce_929d_0e0e_4736 && place.span == 0xf0_67aa_0ba9_02b7)
    let again = TraceParent(metadata: ["traceparent": Self.example])
    #expect(again?.traceID == place.traceID && again?.state == "" && TraceParent(metadata: [:]) == nil)
  }

  @Test(
    "what is no place in a trace",
    arguments: [
      "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
      // Nothing but zeros, capitals, other signs, a version that is none, more than this version has.
      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
      "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
      "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0ß",
    ])
  func none(_ header: String) { #expect(TraceParent(header) == nil) }

  @Test(
    "flags, later versions, and states that are too much",
    arguments: [
      ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", nil, false, ""),
      ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03", "a=b", true, "a=b"),
      ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes", nil, true, ""),
      ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", String(repeating: "x", count: 513), true, ""),
      ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=\u{7}", true, ""),
    ] as [(String, String?, Bool, String)])
  func read(_ row: (header: String, state: String?, isSampled: Bool, kept: String)) throws {
    let place = try #require(TraceParent(row.header, state: row.state))
    #expect(place.isSampled == row.isSampled && place.state == row.kept)
  }

  @Test("small numbers keep their zeros")
  func zeros() {
    let place = TraceParent(high: 0, low: 1, span: 0xA, isSampled: false)
    #expect(place.header == "00-00000000000000000000000000000001-000000000000000a-00")
    #expect(TraceParent(place.header) == place)
  }
}
