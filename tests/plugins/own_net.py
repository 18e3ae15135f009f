"""A network of timm with a head of one's own: mean and largest value of each channel, and one linear layer."""

import timm
import torch
from torch import Tensor, nn


class OwnNet(nn.Module):
    def __init__(self, num_classes, in_channels, mean=0.0, std=1.0, backbone="mobilenetv3_small_050", pretrained=False):
        super().__init__()
        self.backbone = timm.create_model(backbone, pretrained=pretrained, in_chans=in_channels)
        self.classifier = nn.Linear(2 * self.backbone.num_features, num_classes)
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(-1, 1, 1))

    def features(self, images: Tensor) -> Tensor:
        maps = self.backbone.forward_features((images / 255 - self.mean) / self.std)
        return torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.features(images))
