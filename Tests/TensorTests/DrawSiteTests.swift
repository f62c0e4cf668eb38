import DitherTensor
import Testing

@Suite("Sites of draws")
struct DrawSiteTests {
  @Test("no two places or terms of a model share a number")
  func addressesAreNeverShared() {
    let nodes = [0, 1, 2, 3, 7, 8, 8191, 8192, 65_535, DrawSite.nodeLimit - 1]
    let values = [0, 1, 2, 255, 65_535, 65_536, DrawSite.valueLimit - 1]
    let places =
      nodes.flatMap { node in (0..<8).map { DrawSite.Place.node(node, kind: $0) } } + values.map { .input($0) }
    let numbers = places.flatMap { place in (0..<DrawSite.termLimit).map { DrawSite(place, term: $0).number } }
    #expect(Set(numbers).count == places.count * DrawSite.termLimit)
    let gradients = values.flatMap { value in
      (0..<DrawSite.termLimit).map { DrawSite(.gradients(value), term: $0).number }
    }
    #expect(Set(gradients).count == values.count * DrawSite.termLimit)
  }

  @Test("the first term's numbers stay what published answers were drawn with")
  func firstTerm() {
    #expect((0..<3).map { DrawSite(.node(5, kind: $0)).number } == [40, 41, 42])
    #expect(DrawSite(.input(3)).number == 0xFFFF_0003)
    #expect(DrawSite(.gradients(2)).number == 2)
  }
}
