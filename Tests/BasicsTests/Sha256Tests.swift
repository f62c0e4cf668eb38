import DitherBasics
import Testing

/// FIPS 180-4's examples.
@Test(arguments: [
  ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
  ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
  (
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
  ),
])
func sha256(_ text: String, _ hex: String) {
  #expect(Sha256.hash(text.utf8).hex == hex)
  #expect(Sha256.hash(text.utf8).description == "sha256:\(hex)")
}

@Test func sha256InPiecesIsTheSame() {
  let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
  for cut in [0, 1, 63, 64, 65, 999, 1000] {
    var hash = Sha256()
    hash.update(bytes[..<cut])
    hash.update(bytes[cut...])
    #expect(hash.finish() == Sha256.hash(bytes))
  }
}

@Test func secretsAreComparedWhole() {
  #expect(equalInConstantTime([1, 2, 3], [1, 2, 3]))
  #expect(!equalInConstantTime([1, 2, 3], [1, 2, 4]))
  #expect(!equalInConstantTime([1, 2, 3], [1, 2]))
}

@Test func randomBytesDiffer() { #expect(randomBytes(32) != randomBytes(32)) }
