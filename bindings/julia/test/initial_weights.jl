# First and last values of fc1_weight and fc2_weight for each initializer, as Python draws them.
const INITIAL_WEIGHTS = [
    [-0.08535365, -0.06402649, -0.053586766, -0.094146311],
    [-0.34687969, 0.35289782, 0.3411634, -0.12420189],
    [-0.79022127, -0.5927701, -0.5870136, -1.0313212],
    [-1.2264049, 1.2476822, 1.3927937, -0.50705212],
]
