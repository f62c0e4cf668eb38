/// Pictures of clothes. Source: Xiao, Rasul, Vollgraf 2017, arXiv 1708.07747.
enum FashionMnist: IdxImages {
  static let name = "fashion-mnist"
  static let summary = "clothes, 28 x 28 gray, 60 000 + 10 000; Debian's dataset-fashion-mnist"
  static let classNames = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
  ]
  static let files = published(
    at: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    [
      ("train-images-idx3-ubyte.gz", "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", 47_040_016),
      ("train-labels-idx1-ubyte.gz", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", 60_008),
      ("t10k-images-idx3-ubyte.gz", "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", 7_840_016),
      ("t10k-labels-idx1-ubyte.gz", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", 10_008),
    ])
}
