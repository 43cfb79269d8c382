//! Amplify jobs of `aws-sdk-amplify` as those of [`windlass::wire`].
